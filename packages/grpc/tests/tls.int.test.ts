import { fileURLToPath } from 'node:url';
import { Secret, readConfig } from '@omg/config';
import { keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry, type Telemetry } from '@omg/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bindService,
  createGrpcClient,
  readGrpcTls,
  readServiceTokens,
  startGrpcServer,
  type GrpcClient,
  type GrpcTls,
} from '../src/index.ts';

const TOKEN = 'a-token-of-the-router';
const pem = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url));

function tlsOf(name: string): GrpcTls | undefined {
  const environment = {
    GRPC_TLS_CA: pem('ca.pem'),
    GRPC_TLS_CERT: pem(`${name}.pem`),
    GRPC_TLS_KEY: pem(`${name}.key`),
  };
  return readConfig(environment, readGrpcTls);
}

async function* nothing(): AsyncGenerator<never> {}

let stack: AsyncDisposableStack;
let telemetry: Telemetry;
let address: string;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  telemetry = stack.use(startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }));
  const unused = async (): Promise<never> => await Promise.reject(new Error('not part of this test'));
  const service = bindService(keyBrokerV1.KeyBrokerService, {
    hold: nothing,
    acquireLeases: unused,
    renewLeases: unused,
    releaseLeases: unused,
    reportOutcomes: unused,
    listProviders: async () => ({ providers: [] }),
  });
  const authenticate = readConfig({ SERVICE_TOKENS: `router=${TOKEN}` }, readServiceTokens);
  const server = await startGrpcServer({
    listen: '127.0.0.1:0',
    services: [service],
    authenticate,
    telemetry,
    tls: tlsOf('service'),
  });
  stack.use(server);
  address = `localhost:${server.port}`;
});
afterEach(async () => {
  await stack.disposeAsync();
});

function connect(tls: GrpcTls | undefined): GrpcClient<keyBrokerV1.KeyBrokerService> {
  return stack.use(
    createGrpcClient(keyBrokerV1.KeyBrokerService, {
      address,
      token: new Secret(TOKEN),
      deadlineMs: 2_000,
      telemetry,
      tls,
    }),
  );
}

test('two that have certificates of one authority talk to each other', async () => {
  expect(await connect(tlsOf('service')).listProviders({})).toEqual({ providers: [] });
});

test.each([
  ['with a certificate of another authority', 'stranger'],
  ['without one', undefined],
])('a caller %s is not let in, whatever token it has', async (_, name) => {
  const client = connect(name === undefined ? undefined : tlsOf(name));
  await expect(client.listProviders({})).rejects.toMatchObject({ code: 'unavailable' });
});

test('a part of the three files is a fault that names what is missing', () => {
  expect(() => readConfig({ GRPC_TLS_CA: pem('ca.pem'), GRPC_TLS_KEY: '/nowhere/key.pem' }, readGrpcTls)).toThrow(
    /GRPC_TLS_CERT must be set as well/,
  );
});
