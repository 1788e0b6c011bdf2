import { randomUUIDv7 } from 'node:crypto';
import {
  dialectOf,
  dialectServerOptions,
  registerBodyReader,
  registerCors,
  registerDialectErrors,
  type RefusedEarly,
} from '@omg/http';
import { requestIdHeaders, type Dialect } from '@omg/llm-wire';
import { nextTurn } from '@omg/service';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Authentication } from '../app/authenticate.ts';
import { GatewayFailure } from '../app/gateway-failure.ts';
import type { ListModels } from '../app/list-models.ts';
import type { ClientSink, Clock } from '../app/ports.ts';
import { authenticated, type ClientRequest, type RequestTrail } from '../app/prepare-request.ts';
import type { Site } from '../domain/site.ts';
import { registerAccountRoute, type AccountRouteDeps } from './account-route.ts';
import { EXPOSED_HEADERS } from './exposed-headers.ts';
import { failureAnswer } from './failure-answer.ts';
import { modelAnswer, modelsAnswer, type ModelsQuery } from './models-answer.ts';
import type { OpenStreams } from './open-streams.ts';
import { ReplySink } from './reply-sink.ts';

/** What is done with a request; throws where its client was not answered. */
type Serve = (request: ClientRequest, sink: ClientSink) => Promise<void>;

export interface AppDeps extends AccountRouteDeps {
  /** Runs a request in a span of its own. */
  readonly relay: Serve;
  readonly countTokens: Serve;
  readonly listModels: ListModels;
  readonly authenticate: (key: string | undefined, address: string) => Promise<Authentication>;
  readonly site: () => Pick<Site, 'name' | 'maxBodyBytes' | 'corsOrigins'>;
  /** Addresses and networks whose `x-forwarded-for` counts. */
  readonly trustedProxies: readonly string[];
  readonly openStreams: OpenStreams;
  readonly clock: Clock;
}

interface RelayRoute {
  readonly path: string;
  readonly dialect: Dialect;
  readonly does: 'relay' | 'countTokens';
}

const RELAY_ROUTES: readonly RelayRoute[] = [
  { path: '/chat/completions', dialect: 'openai', does: 'relay' },
  { path: '/messages', dialect: 'anthropic', does: 'relay' },
  { path: '/messages/count_tokens', dialect: 'anthropic', does: 'countTokens' },
];
/** With and without, whatever the client takes for the base of its URLs. */
const PREFIXES = ['/v1', ''];

/** The routes that clients call, without listening. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const onRefused = (refused: RefusedEarly): void => {
    deps.onRefused({ ...refused, account: undefined });
  };
  const app = Fastify({
    ...dialectServerOptions({ onRefused }),
    trustProxy: deps.trustedProxies.length === 0 ? false : [...deps.trustedProxies],
    genReqId: () => randomUUIDv7(),
    // the gateway logs what it decides itself, and never a header or a body
    logger: false,
    forceCloseConnections: 'idle',
  });
  registerCors(app, { origins: () => deps.site().corsOrigins, exposed: EXPOSED_HEADERS });
  registerBodyReader(app, {
    maxBytes: () => deps.site().maxBodyBytes,
    admitLarge: async (request) => {
      await refuseStrangers(deps, request);
    },
  });
  registerDialectErrors(app, {
    onFault: deps.onFault,
    onRefused,
    refusalOf: (error) => (error instanceof GatewayFailure ? error : undefined),
  });
  for (const prefix of PREFIXES) {
    for (const route of RELAY_ROUTES) {
      app.post(prefix + route.path, async (request, reply) => {
        await serve(deps, route, request, reply);
      });
    }
    app.get<{ Querystring: ModelsQuery }>(`${prefix}/models`, async (request, reply) => {
      const models = await deps.listModels({ headers: request.headers, address: addressOf(request) });
      return inDialect(request, reply, (dialect) => modelsAnswer(dialect, models, request.query));
    });
    app.get<{ Params: { '*': string } }>(`${prefix}/models/*`, async (request, reply) => {
      const models = await deps.listModels({ headers: request.headers, address: addressOf(request) });
      return inDialect(request, reply, (dialect) => modelAnswer(dialect, models, request.params['*']));
    });
  }
  for (const prefix of PREFIXES) registerAccountRoute(app, `${prefix}/account`, deps);
  // by which agents find out whether there is anybody
  app.get('/api/hello', async (request, reply) => {
    reply.header(requestIdHeaders[dialectOf(request)], request.id);
    return await Promise.resolve('');
  });
  return app;
}

function inDialect(request: FastifyRequest, reply: FastifyReply, make: (dialect: Dialect) => object): object {
  const dialect = dialectOf(request);
  reply.header(requestIdHeaders[dialect], request.id);
  return make(dialect);
}

/** Nobody fills the memory without a key. What else may be said of the key is said when the body is there. */
async function refuseStrangers(deps: Pick<AppDeps, 'authenticate'>, request: FastifyRequest): Promise<void> {
  try {
    await authenticated(deps, { headers: request.headers, address: addressOf(request) });
  } catch (error) {
    if (!(error instanceof GatewayFailure)) throw error;
    if (error.kind === 'invalid_key' || error.kind === 'rate_limited') throw error;
  }
}

/** None where the client is gone already. */
function addressOf(request: FastifyRequest): string {
  const address: string | undefined = request.ip;
  return address ?? '';
}

async function serve(deps: AppDeps, route: RelayRoute, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { dialect } = route;
  const [acceptedMs, acceptedAt] = [deps.clock.monotonicMs(), deps.clock.now()];
  deps.openStreams.track(reply.raw);
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  reply.hijack();
  const sink = new ReplySink(reply.raw);
  const trail: RequestTrail = {};
  try {
    // behind all that have come in this one
    await nextTurn();
    await deps[route.does](
      {
        requestId: request.id,
        dialect,
        headers: request.headers,
        address: addressOf(request),
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
        acceptedAt,
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
