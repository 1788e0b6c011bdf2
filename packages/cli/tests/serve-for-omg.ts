import { readConfig } from '@omg/config';
import { OmgError } from '@omg/errors';
import { bindService, readServiceTokens, startGrpcServer, type BoundService, type GrpcServer } from '@omg/grpc';
import { keyBrokerV1 } from '@omg/proto-gen';
import type { Telemetry } from '@omg/telemetry';

export const TOKEN = 'a-token-of-the-operator';

export async function serveForOmg(services: readonly BoundService[], telemetry: Telemetry): Promise<GrpcServer> {
  const authenticate = readConfig({ SERVICE_TOKENS: `operator=${TOKEN}` }, readServiceTokens);
  return await startGrpcServer({ listen: '127.0.0.1:0', services, authenticate, telemetry });
}

/** Of a service, what the tests do not ask for. */
export const unused = async (): Promise<never> =>
  await Promise.reject(new OmgError('failed_precondition', 'not part of these tests'));

/** A key-broker that is asked for its providers only. */
export function providersService(providers: () => readonly keyBrokerV1.Provider[]): BoundService {
  return bindService(keyBrokerV1.KeyBrokerService, {
    // oxlint-disable-next-line require-yield -- nothing comes of it
    async *hold() {
      await unused();
    },
    acquireLeases: unused,
    renewLeases: unused,
    releaseLeases: unused,
    reportOutcomes: unused,
    listProviders: async () => await Promise.resolve({ providers: providers() }),
  });
}

export function provider(change: Partial<keyBrokerV1.Provider> = {}): keyBrokerV1.Provider {
  return {
    name: 'ohmygpt',
    ready: true,
    keys: 12_000,
    keysAvailable: 11_999,
    slotsInUse: 7,
    endpoint: {
      name: 'primary',
      baseUrl: 'https://up.example',
      chatCompletionsPath: '/c',
      messagesPath: '/m',
      http2: false,
    },
    backupEndpoint: undefined,
    statuses: [
      { status: 'healthy', count: 11_999 },
      { status: 'exhausted', count: 1 },
    ],
    backupKeysLeft: 50,
    proxies: 10,
    proxiesUsable: 9,
    owner: '',
    reason: '',
    proxyPolicy: 'allowed',
    ...change,
  };
}
