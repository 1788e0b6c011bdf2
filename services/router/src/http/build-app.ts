import { randomUUIDv7 } from 'node:crypto';
import { dialectServerOptions, registerDialectErrors } from '@omg/http';
import { errorAnswer, type Dialect } from '@omg/llm-wire';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ClientSink, Clock } from '../app/ports.ts';
import { GatewayFailure } from '../app/gateway-failure.ts';
import type { ClientRequest } from '../app/prepare-request.ts';
import { ReplySink } from './reply-sink.ts';

export interface AppDeps {
  /** Runs a request in a span of its own. */
  readonly relay: (request: ClientRequest, sink: ClientSink) => Promise<void>;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  readonly onFault: (error: unknown) => void;
}

const ROUTES: readonly { readonly path: string; readonly dialect: Dialect }[] = [
  { path: '/chat/completions', dialect: 'openai' },
  { path: '/messages', dialect: 'anthropic' },
];

/** The routes that clients call, without listening. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const app = Fastify({
    ...dialectServerOptions(),
    bodyLimit: deps.maxBodyBytes,
    genReqId: () => randomUUIDv7(),
    // the gateway logs what it decides itself, and never a header or a body
    logger: false,
    forceCloseConnections: 'idle',
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  registerDialectErrors(app, { onFault: deps.onFault });
  for (const { path, dialect } of ROUTES) {
    for (const prefix of ['/v1', '']) {
      app.post(prefix + path, { config: { dialect } }, async (request, reply) => {
        await serve(deps, dialect, request, reply);
      });
    }
  }
  return app;
}

async function serve(deps: AppDeps, dialect: Dialect, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const acceptedMs = deps.clock.monotonicMs();
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  reply.hijack();
  const sink = new ReplySink(reply.raw);
  try {
    await deps.relay(
      {
        requestId: request.id,
        dialect,
        headers: request.headers,
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        acceptedAt: deps.clock.now(),
        acceptedMs,
        clientGone: gone.signal,
      },
      sink,
    );
  } catch (error) {
    await fail({ dialect, requestId: request.id, sink, onFault: deps.onFault }, error);
  }
}

interface Failing {
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly sink: ReplySink;
  readonly onFault: (error: unknown) => void;
}

async function fail({ dialect, requestId, sink, onFault }: Failing, error: unknown): Promise<void> {
  const failure = error instanceof GatewayFailure ? error : undefined;
  if (failure === undefined) onFault(error);
  if (sink.begun) {
    await sink.breakOff(new Uint8Array());
    return;
  }
  const { retryAfterMs } = failure ?? {};
  const answer = errorAnswer(dialect, failure?.kind ?? 'internal', {
    message: failure?.message ?? 'the gateway failed',
    requestId,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  sink.answer(answer.status, Object.entries(answer.headers).flat(), answer.body);
}
