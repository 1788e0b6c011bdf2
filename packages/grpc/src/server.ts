import { readFileSync } from 'node:fs';
import { Server, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { OmgError } from '@omg/errors';
import { descriptorsPath } from '@omg/proto-gen';
import type { Telemetry } from '@omg/telemetry';
import { makeFunnel, type Funnel } from './funnel.ts';
import type { Authenticate } from './service-tokens.ts';
import type { AnyMethodDefinition } from './service-types.ts';
import type { BoundService } from './service.ts';
import { serverCredentials, type GrpcTls } from './tls.ts';

export interface GrpcServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly services: readonly BoundService[];
  readonly authenticate: Authenticate;
  readonly telemetry: Telemetry;
  readonly tls?: GrpcTls | undefined;
  /** How long calls that run may take to end at the stop. */
  readonly graceMs?: number;
}

export interface GrpcServer extends AsyncDisposable {
  readonly port: number;
  /** What the health service says of the whole server. */
  setServing: (serving: boolean) => void;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Serves the services with one funnel, and beside them health and reflection, which need no token. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  // half of what this package takes to load, and clients need neither
  const [{ HealthImplementation }, { reflectionService }] = await Promise.all([
    import('grpc-health-check'),
    import('./reflection.ts'),
  ]);
  const stopping = new AbortController();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const funnel = makeFunnel({ ...options, stopping: stopping.signal });
  for (const service of options.services) addService(server, service, funnel);
  const open = makeFunnel({ ...options, authenticate: () => 'anybody', stopping: stopping.signal });
  addService(server, reflectionService(readFileSync(descriptorsPath)), open);
  const health = new HealthImplementation({ '': 'NOT_SERVING' });
  health.addToServer(server);

  const port = await bind(server, options);
  return {
    port,
    setServing: (serving) => {
      health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
    },
    async [Symbol.asyncDispose]() {
      health.setStatus('', 'NOT_SERVING');
      stopping.abort(new OmgError('unavailable', 'the server is stopping'));
      const { promise, resolve } = Promise.withResolvers<void>();
      server.tryShutdown(() => {
        resolve();
      });
      const deadline = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, options.graceMs ?? 2_000);
      await promise;
      clearTimeout(deadline);
    },
  };
}

function addService(server: Server, { definition, handlers }: BoundService, funnel: Funnel): void {
  const methods = Object.entries(definition);
  const implementation: UntypedServiceImplementation = Object.fromEntries(
    methods.map(([name, method]) => [name, funnel(method, handlers[name])]),
  );
  // grpc-js wants definitions that take any message; the generated ones take theirs
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  server.addService(Object.fromEntries(methods) as unknown as Record<string, AnyMethodDefinition>, implementation);
}

async function bind(server: Server, { listen, tls }: GrpcServerOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(listen, serverCredentials(tls), (error, port) => {
    if (error === null) resolve(port);
    else reject(new OmgError('unavailable', `cannot listen on ${listen}: ${error.message}`, { cause: error }));
  });
  return await promise;
}
