import { randomUUIDv7 } from 'node:crypto';
import { dialectServerOptions, registerDialectErrors, type RefusedEarly } from '@omg/http';
import type { Dialect } from '@omg/llm-wire';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ClientSink, Clock } from '../app/ports.ts';
import { GatewayFailure } from '../app/gateway-failure.ts';
import type { ClientRequest, RequestTrail } from '../app/prepare-request.ts';
import { registerAccountRoute, type AccountRouteDeps } from './account-route.ts';
import { failureAnswer } from './failure-answer.ts';
import { ReplySink } from './reply-sink.ts';

export interface AppDeps extends AccountRouteDeps {
  /** Runs a request in a span of its own. */
  readonly relay: (request: ClientRequest, sink: ClientSink) => Promise<void>;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
}

const ROUTES: readonly { readonly path: string; readonly dialect: Dialect }[] = [
  { path: '/chat/completions', dialect: 'openai' },
  { path: '/messages', dialect: 'anthropic' },
];

/** The routes that clients call, without listening. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const onRefused = (refused: RefusedEarly): void => {
    deps.onRefused({ ...refused, account: undefined });
  };
  const app = Fastify({
    ...dialectServerOptions({ onRefused }),
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
  registerDialectErrors(app, { onFault: deps.onFault, onRefused });
  for (const { path, dialect } of ROUTES) {
    for (const prefix of ['/v1', '']) {
      app.post(prefix + path, { config: { dialect } }, async (request, reply) => {
        await serve(deps, dialect, request, reply);
      });
    }
  }
  for (const prefix of ['/v1', '']) registerAccountRoute(app, `${prefix}/account`, deps);
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
  const trail: RequestTrail = {};
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
        trail,
      },
      sink,
    );
  } catch (error) {
    const status = await fail({ dialect, requestId: request.id, sink, onFault: deps.onFault }, error);
    // who left was not refused
    if (trail.forwarded === true || status === undefined || gone.signal.aborted) return;
    const kind = error instanceof GatewayFailure ? error.kind : 'internal';
    deps.onRefused({ account: trail.account, dialect, kind, status });
  }
}

interface Failing {
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly sink: ReplySink;
  readonly onFault: (error: unknown) => void;
}

/** The status that the client was told; undefined where its answer had begun. */
async function fail({ dialect, requestId, sink, onFault }: Failing, error: unknown): Promise<number | undefined> {
  if (!(error instanceof GatewayFailure)) onFault(error);
  if (sink.begun) {
    await sink.breakOff(new Uint8Array());
    return undefined;
  }
  const answer = failureAnswer(error, { dialect, requestId });
  sink.answer(answer.status, Object.entries(answer.headers).flat(), answer.body);
  return answer.status;
}
