import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Secret, readConfig } from '@omg/config';
import { OmgError } from '@omg/errors';
import { accountsV1, auditV1, keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry, type Telemetry } from '@omg/telemetry';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bindService,
  createGrpcClient,
  readServiceTokens,
  startGrpcServer,
  type GrpcClient,
  type Handlers,
} from '../src/index.ts';

type KeyBrokerHandlers = Handlers<keyBrokerV1.KeyBrokerService>;

const TOKEN = 'a-token-of-the-router';
const authenticate = readConfig({ SERVICE_TOKENS: `router=${TOKEN}` }, readServiceTokens);

let stack: AsyncDisposableStack;
let telemetry: Telemetry;
const lines: string[] = [];
beforeEach(() => {
  stack = new AsyncDisposableStack();
  lines.length = 0;
  const write = (line: string): void => {
    lines.push(line);
  };
  telemetry = stack.use(
    startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'info', logDestination: { write } }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function* unusedStream(): AsyncGenerator<never> {
  yield await unused();
}

const unused = async (): Promise<never> =>
  await Promise.reject(new OmgError('failed_precondition', 'not part of this test'));

async function* nothing(): AsyncGenerator<never> {}

async function serve(
  handlers: Partial<KeyBrokerHandlers>,
  token = TOKEN,
): Promise<GrpcClient<keyBrokerV1.KeyBrokerService>> {
  const service = bindService(keyBrokerV1.KeyBrokerService, {
    hold: nothing,
    acquireLeases: unused,
    renewLeases: unused,
    releaseLeases: unused,
    reportOutcomes: unused,
    listProviders: unused,
    ...handlers,
  });
  const server = stack.use(
    await startGrpcServer({ listen: '127.0.0.1:0', services: [service], authenticate, telemetry }),
  );
  return stack.use(
    createGrpcClient(keyBrokerV1.KeyBrokerService, {
      address: `127.0.0.1:${server.port}`,
      token: new Secret(token),
      deadlineMs: 2_000,
      telemetry,
    }),
  );
}

async function errorOf(call: Promise<unknown>): Promise<OmgError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OmgError) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}

describe('a call', () => {
  test('carries messages, and the handler knows who calls', async () => {
    const callers: string[] = [];
    const client = await serve({
      renewLeases: async ({ leaseIds }, { caller }) => {
        callers.push(caller);
        return { ttlMs: 7, unknownLeaseIds: leaseIds, revokedLeaseIds: [] };
      },
    });
    expect(await client.renewLeases({ leaseIds: ['a', 'b'] })).toMatchObject({ ttlMs: 7, unknownLeaseIds: ['a', 'b'] });
    expect(callers).toEqual(['router']);
  });

  test('without a valid token is refused before the handler', async () => {
    let handled = false;
    const client = await serve(
      {
        listProviders: async () => {
          handled = true;
          return { providers: [] };
        },
      },
      'another-token-than-theirs',
    );
    expect(await errorOf(client.listProviders({}))).toMatchObject({ code: 'unauthenticated' });
    expect(handled).toBe(false);
  });

  test('that fails brings the code, the message and the details, and nothing of the cause', async () => {
    const client = await serve({
      listProviders: async () =>
        await Promise.reject(
          new OmgError('not_owner', 'ask the owner', { details: { address: 'b:1' }, cause: new Error('sk-inner') }),
        ),
    });
    const error = await errorOf(client.listProviders({}));
    expect(error).toMatchObject({ code: 'not_owner', details: { address: 'b:1' } });
    expect(error.message).toContain('ask the owner');
    expect(JSON.stringify(error.cause)).not.toContain('sk-inner');
  });

  test('that fails in an unforeseen way is internal with a fixed text, and logged once', async () => {
    const client = await serve({
      listProviders: async () => await Promise.reject(new TypeError('undefined is not a secret')),
    });
    const error = await errorOf(client.listProviders({}));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('secret');
    expect(lines.filter((line) => line.includes('undefined is not a secret'))).toHaveLength(1);
  });

  test('ends at its deadline, and the handler hears of it', async () => {
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
    const client = await serve({
      listProviders: async (_, { signal }) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
        });
        return await new Promise<never>(() => undefined);
      },
    });
    expect(await errorOf(client.listProviders({}, { deadlineMs: 1_000 }))).toMatchObject({ code: 'deadline_exceeded' });
    await aborted;
  });

  test('ends with the signal of the caller, and the handler hears of it', async () => {
    const controller = new AbortController();
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
    const client = await serve({
      listProviders: async (_, { signal }) => {
        signal.addEventListener('abort', () => {
          resolve(signal.reason);
        });
        controller.abort();
        return await new Promise<never>(() => undefined);
      },
    });
    expect(await errorOf(client.listProviders({}, { signal: controller.signal }))).toMatchObject({ code: 'cancelled' });
    await aborted;
  });

  test('to a server that is not there is unavailable at once', async () => {
    const client = stack.use(
      createGrpcClient(keyBrokerV1.KeyBrokerService, {
        address: '127.0.0.1:1',
        token: new Secret(TOKEN),
        deadlineMs: 2_000,
        telemetry,
      }),
    );
    expect(await errorOf(client.listProviders({}))).toMatchObject({ code: 'unavailable' });
  });
});

describe('a stream', () => {
  async function serveHold(hold: Handlers<accountsV1.AccountsService>['hold']) {
    const service = bindService(accountsV1.AccountsService, {
      resolveKey: unused,
      getOwnAccount: unused,
      hold,
      holdAllowances: unusedStream,
      getPrices: unused,
    });
    const server = await startGrpcServer({
      listen: '127.0.0.1:0',
      services: [service],
      authenticate,
      telemetry,
      graceMs: 500,
    });
    const client = stack.use(
      createGrpcClient(accountsV1.AccountsService, {
        address: `127.0.0.1:${server.port}`,
        token: new Secret(TOKEN),
        deadlineMs: 2_000,
        telemetry,
      }),
    );
    return { client, server };
  }
  const committed = (upTo: bigint): accountsV1.HoldResponse => ({
    message: { $case: 'committed', value: { epoch: 'e', partition: 1, upTo } },
  });

  test('carries messages both ways, and a handler may stop reading while it goes on writing', async () => {
    const { client, server } = await serveHold(async function* hold(requests) {
      for await (const { message } of requests) {
        if (message?.value.epoch === 'last') break;
        yield committed(1n);
      }
      yield committed(2n);
    });
    stack.use(server);
    const call = client.hold(AbortSignal.timeout(5_000));
    for (const epoch of ['first', 'last'])
      call.send({ message: { $case: 'open', value: { epoch, adoptedEpochs: [] } } });
    expect(await Array.fromAsync(call.responses)).toEqual([committed(1n), committed(2n)]);
  });

  test('that fails brings the code', async () => {
    const { client, server } = await serveHold(async function* hold() {
      yield committed(1n);
      throw new OmgError('exhausted', 'enough');
    });
    stack.use(server);
    expect(await errorOf(Array.fromAsync(client.hold(AbortSignal.timeout(5_000)).responses))).toMatchObject({
      code: 'exhausted',
    });
  });

  test('ends when the server stops, in time', async () => {
    const { client, server } = await serveHold(async function* hold(_, { signal }) {
      yield committed(1n);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
    });
    const responses = client.hold(AbortSignal.timeout(5_000)).responses[Symbol.asyncIterator]();
    expect((await responses.next()).value).toEqual(committed(1n));
    await server[Symbol.asyncDispose]();
    expect((await responses.next()).done).toBe(true);
  });
});

test('health and reflection answer without a token, and buf curl calls by them', async () => {
  const service = bindService(keyBrokerV1.KeyBrokerService, {
    hold: nothing,
    acquireLeases: unused,
    renewLeases: unused,
    releaseLeases: unused,
    reportOutcomes: unused,
    listProviders: async () => ({ providers: [] }),
  });
  const server = stack.use(
    await startGrpcServer({ listen: '127.0.0.1:0', services: [service], authenticate, telemetry }),
  );
  const bufCurl = async (method: string, ...options: readonly string[]): Promise<unknown> => {
    const url = `http://127.0.0.1:${server.port}/${method}`;
    const { stdout } = await promisify(execFile)('buf', [
      'curl',
      '--protocol',
      'grpc',
      '--http2-prior-knowledge',
      ...options,
      url,
    ]);
    return JSON.parse(stdout);
  };
  expect(await bufCurl('grpc.health.v1.Health/Check')).toEqual({ status: 'NOT_SERVING' });
  server.setServing(true);
  expect(await bufCurl('grpc.health.v1.Health/Check')).toEqual({ status: 'SERVING' });
  expect(await bufCurl('key_broker.v1.KeyBroker/ListProviders', '-H', `authorization: Bearer ${TOKEN}`)).toEqual({});
  await expect(bufCurl('key_broker.v1.KeyBroker/ListProviders')).rejects.toThrow(/unauthenticated/);
});

describe('a call whose answer is a stream', () => {
  type Reconcile = Handlers<auditV1.AuditService>['reconcile'];

  async function serveAudit(reconcile: Reconcile): Promise<GrpcClient<auditV1.AuditService>> {
    const service = bindService(auditV1.AuditService, { reconcile });
    const server = stack.use(
      await startGrpcServer({ listen: '127.0.0.1:0', services: [service], authenticate, telemetry }),
    );
    return stack.use(
      createGrpcClient(auditV1.AuditService, {
        address: `127.0.0.1:${server.port}`,
        token: new Secret(TOKEN),
        deadlineMs: 2_000,
        telemetry,
      }),
    );
  }
  const noteOf = (text: string): auditV1.ReconcileResponse => ({
    message: { $case: 'note', value: { check: '', text } },
  });
  const asked = { checks: ['a', 'b'], limit: 3 };

  test('brings each message in its order, however many and however slowly they are read, and then its end', async () => {
    const client = await serveAudit(async function* reconcile({ limit }) {
      for (let at = 0; at < limit * 1_000; at += 1) yield noteOf('x'.repeat(500) + String(at));
    });
    const read: string[] = [];
    for await (const { message } of client.reconcile(asked, new AbortController().signal)) {
      read.push(message?.$case === 'note' ? message.value.text.slice(500) : '');
      if (read.length % 500 === 0) await new Promise(setImmediate);
    }
    expect(read).toEqual(Array.from({ length: 3_000 }, (_, at) => String(at)));
  });

  test('that fails in the middle brings what came before, and the error', async () => {
    const client = await serveAudit(async function* reconcile() {
      yield noteOf('before');
      await Promise.reject(new OmgError('not_found', 'it is gone'));
    });
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const response of client.reconcile(asked, new AbortController().signal)) read.push(response);
    })();
    expect(await errorOf(reading)).toMatchObject({ code: 'not_found' });
    expect(read).toEqual([noteOf('before')]);
  });

  test('that takes longer than its deadline brings what came before, and that as the error', async () => {
    const client = await serveAudit(async function* reconcile(_, { signal }) {
      yield noteOf('before');
      await once(signal, 'abort');
    });
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const response of client.reconcile(asked, new AbortController().signal, 300)) read.push(response);
    })();
    expect(await errorOf(reading)).toMatchObject({ code: 'deadline_exceeded' });
    expect(read).toEqual([noteOf('before')]);
  });

  test('ends at the server when the caller has heard enough', async () => {
    const ended = Promise.withResolvers<boolean>();
    const client = await serveAudit(async function* reconcile(_, { signal }) {
      signal.addEventListener('abort', () => {
        ended.resolve(true);
      });
      yield noteOf('first');
      await ended.promise;
    });
    const stop = new AbortController();
    const responses = client.reconcile(asked, stop.signal)[Symbol.asyncIterator]();
    expect((await responses.next()).value).toEqual(noteOf('first'));
    stop.abort();
    expect(await ended.promise).toBe(true);
    await expect(responses.next()).rejects.toMatchObject({ code: 'cancelled' });
  });
});
