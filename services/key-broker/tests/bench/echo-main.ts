// What transport, protobuf and the grpc funnel cost by themselves: answers as a broker would, and decides nothing.
import { readConfig, readEnvironment } from '@omg/config';
import { OmgError } from '@omg/errors';
import { bindService, readServiceTokens, startGrpcServer } from '@omg/grpc';
import { keyBrokerV1, type quotaV1 } from '@omg/proto-gen';
import { readProcessConfig, runService, startProcess, type Service } from '@omg/service';
import { keyId, PROVIDER } from './bench-names.ts';

const TTL_MS = 15_000;
const WELCOME: quotaV1.OwnerMessage = {
  message: { $case: 'welcome', value: { ttlMs: TTL_MS, holders: 1, upTo: 0n, seen: 0n } },
};
// what a broker says of dimensions without a limit
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

let leases = 0;

await runService(start, { name: 'echo' });

async function start(): Promise<Service> {
  await using stack = new AsyncDisposableStack();
  const config = readConfig(readEnvironment(), (reader) => ({
    process: readProcessConfig(reader, 'echo'),
    listen: reader.address('GRPC_LISTEN', ''),
    authenticate: readServiceTokens(reader),
  }));
  const process = stack.use(await startProcess(config.process));
  const { telemetry } = process;
  const unsupported = async (): Promise<never> => await Promise.reject(new OmgError('invalid_argument', 'an echo'));
  const service = bindService(keyBrokerV1.KeyBrokerService, {
    hold,
    acquireLeases: async ({ count, provider }) => ({
      result: { $case: 'granted', value: { leases: Array.from({ length: count }, () => lease(Number(provider))) } },
    }),
    releaseLeases: async () => ({}),
    renewLeases: unsupported,
    reportOutcomes: unsupported,
    listProviders: unsupported,
  });
  const { listen, authenticate } = config;
  const server = stack.use(
    await startGrpcServer({ listen, tls: undefined, authenticate, telemetry, services: [service] }),
  );
  server.setServing(true);
  process.readiness.serve();
  return { process, resources: stack.move() };
}

async function* hold(requests: AsyncIterable<keyBrokerV1.HoldRequest>): AsyncGenerator<keyBrokerV1.HoldResponse> {
  let keys = 1;
  for await (const { open, quota } of requests) {
    if (open !== undefined) keys = Number(open.provider);
    yield frame(open === undefined ? quota.flatMap((message) => answer(message, keys)) : [WELCOME]);
  }
}

function answer({ ref, message }: quotaV1.HolderMessage, keys: number): quotaV1.OwnerMessage[] {
  if (message?.$case === 'return') return [];
  const scopes = message?.$case === 'take' ? [grantScope(Number(ref) % keys)] : [];
  return [{ message: { $case: 'grant', value: { ref, ttlMs: TTL_MS, overdraft: false, scopes } } }];
}

function grantScope(key: number): quotaV1.GrantScope {
  const offline = { requests: MOST, tokens: MOST, slots: 13n };
  return { scope: keyId(key), add: { slots: 1n }, version: 1n, offline, left: undefined };
}

function frame(quota: quotaV1.OwnerMessage[]): keyBrokerV1.HoldResponse {
  const nothing = { proxies: [], goneProxies: [], keys: [], goneKeys: [], probes: [] };
  return { ...nothing, term: 1n, quota, pool: undefined, snapshot: false, affinity: undefined };
}

function lease(keys: number): keyBrokerV1.Lease {
  leases += 1;
  return {
    leaseId: `${PROVIDER}/1/${keyId(leases % keys)}/01a1fcc5-041b-7de7-9ed6-${String(leases).padStart(12, '0')}`,
    provider: PROVIDER,
    keyId: keyId(leases % keys),
    secret: 'sk-0123456789abcdef0123456789abcdef0123456789abcdef',
    generation: 1n,
    endpoint: {
      name: 'primary',
      baseUrl: 'https://apic1.ohmycdn.com/api/v1/ai/openai/cc-omg',
      chatCompletionsPath: '/v1/chat/completions',
      messagesPath: '/v1/messages',
      http2: false,
    },
    proxy: undefined,
    ttlMs: TTL_MS,
    probe: false,
  };
}
