import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { createFakeAdmin, startStack, testMongoUrl, testNatsUrl, type FakeAdmin, type Stack } from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const SERVICE = 'batch-jobs';
const TOKEN = 'a-token-of-the-batch-jobs';
/** As the upstream calls it. */
const MODEL = 'claude-haiku-4-5-20251001';
const USED = { input: 600n, output: 12n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 400n, estimated: false };
/** At 1 USD a million of input, 5 of output, 0.1 of cache reads. */
const COST_NANO_USD = 600n * 1_000n + 12n * 5_000n + 400n * 100n;
/** What an owner may take to write what keys were used for, and some time to read it. */
const COUNTED = { timeout: 10_000, interval: 50 };

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let ledger: Db;
let broker: Db;
let client: GrpcClient<keyBrokerV1.KeyBrokerService>;

beforeAll(async () => {
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      parts: ['fake-upstream', 'key-broker', 'usage-ledger'],
      tenants: [],
      env: { 'key-broker': { SERVICE_TOKENS: `${SERVICE}=${TOKEN}`, SERVICE_GRANTS: `${SERVICE}=ohmygpt` } },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const mongo = resources.use(new MongoClient(stack.addresses.mongodbUrl, { useBigInt64: true }));
  ledger = mongo.db(stack.addresses.ledgerDatabase);
  broker = mongo.db(stack.addresses.brokerDatabase);
  client = resources.use(
    createGrpcClient(keyBrokerV1.KeyBrokerService, {
      address: stack.addresses.brokerAddr,
      token: new Secret(TOKEN),
      deadlineMs: 5_000,
      telemetry: resources.use(
        startTelemetry({ service: SERVICE, version: '0', instance: SERVICE, logLevel: 'silent' }),
      ),
    }),
  );
});
afterAll(async () => {
  await resources.disposeAsync();
});
beforeEach(async () => {
  await fake.clearFaults();
});

/** As soon as the owner of the pool, which may just have begun, grants one. */
async function lease(): Promise<keyBrokerV1.Lease> {
  return await vi.waitFor(
    async () => {
      const { result } = await client.acquireLeases({
        provider: 'ohmygpt',
        model: MODEL,
        count: 1,
        holder: 'batch-jobs-1',
        tokens: 0,
        excludeKeys: [],
      });
      const [first] = result?.$case === 'granted' ? result.value.leases : [];
      if (first === undefined) throw new Error('nothing was granted');
      return first;
    },
    { timeout: 15_000, interval: 100 },
  );
}

interface Answer {
  readonly status: number;
  readonly providerRequestId: string;
  readonly startedAt: Date;
}

async function ask({ endpoint, secret }: keyBrokerV1.Lease): Promise<Answer> {
  await fake.setFault({ answer: { tokens: { input: 600, output: 12, cacheRead: 400 } } });
  const startedAt = new Date();
  const response = await fetch(`${endpoint?.baseUrl ?? ''}${endpoint?.messagesPath ?? ''}`, {
    method: 'POST',
    headers: { 'x-api-key': secret, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, max_tokens: 100, messages: [{ role: 'user', content: 'Count.' }] }),
  });
  expect(await response.json()).toMatchObject({ usage: { input_tokens: 600, output_tokens: 12 } });
  return { status: response.status, providerRequestId: response.headers.get('request-id') ?? '', startedAt };
}

function outcome(
  { leaseId }: keyBrokerV1.Lease,
  change: Partial<keyBrokerV1.LeaseOutcome> = {},
): keyBrokerV1.LeaseOutcome {
  return {
    leaseId,
    sequence: 1,
    cause: keyBrokerV1.OutcomeCause.UNSPECIFIED,
    status: 200,
    retryAfterMs: undefined,
    errorWords: [],
    message: '',
    model: MODEL,
    providerRequestId: '',
    startedAt: new Date(),
    durationMs: 5,
    stream: false,
    tokens: USED,
    ...change,
  };
}

interface Log {
  readonly _id: string;
  readonly factoryKeyId: string;
}
const logsOf = async (keyId: string): Promise<readonly Log[]> =>
  await ledger
    .collection<Log>('request_logs')
    .find({ factoryKeyId: keyId }, { sort: { number: 1 } })
    .toArray();

interface Counters {
  readonly tokensUsed: bigint;
  readonly requestsCount: bigint;
  readonly lastUsedAt: Date | null;
}
interface KeyDocument {
  readonly _id: string;
  readonly tokensUsed: number | bigint;
  readonly requestsCount: number | bigint;
  readonly lastUsedAt: Date | null;
}
async function countersOf(keyId: string): Promise<Counters> {
  const key = await broker.collection<KeyDocument>('ohmygpt_keys').findOne({ _id: keyId });
  if (key === null) throw new Error(`there is no key ${keyId}`);
  const { tokensUsed, requestsCount, lastUsedAt } = key;
  return { tokensUsed: BigInt(tokensUsed), requestsCount: BigInt(requestsCount), lastUsedAt };
}

/** Once these are counted as well, and nothing else is. */
async function expectCounted(
  keyId: string,
  before: Counters,
  add: { requests: bigint; lastUsedAt: Date },
): Promise<void> {
  await vi.waitFor(async () => {
    expect(await countersOf(keyId)).toEqual({
      tokensUsed: before.tokensUsed + add.requests * (USED.input + USED.output),
      requestsCount: before.requestsCount + add.requests,
      lastUsedAt: add.lastUsedAt,
    });
  }, COUNTED);
}

test('what a service used a leased key for is in the books under its name, and counted for the key', async () => {
  const leased = await lease();
  const { keyId, leaseId } = leased;
  const before = await countersOf(keyId);
  const { startedAt, ...answered } = await ask(leased);
  expect((await fake.book(answered.providerRequestId)).key).toBe(leased.secret);
  await client.reportOutcomes({ outcomes: [outcome(leased, { startedAt, ...answered })] });
  await client.releaseLeases({ leaseIds: [leaseId] });
  await vi.waitFor(async () => {
    expect(await logsOf(keyId)).toMatchObject([
      {
        userId: SERVICE,
        tenantId: `service:${SERVICE}`,
        factoryKeyId: keyId,
        provider: 'ohmygpt',
        model: MODEL,
        inputTokens: 600,
        outputTokens: 12,
        cacheHitTokens: 400,
        costNanoUsd: COST_NANO_USD,
        isSuccess: true,
        createdAt: startedAt,
        attempts: [{ keyId, endpoint: 'primary', providerRequestId: answered.providerRequestId }],
      },
    ]);
  }, COUNTED);
  await expectCounted(keyId, before, { requests: 1n, lastUsedAt: startedAt });
  const account = await ledger.collection<{ _id: string }>('tenants').findOne({ _id: `service:${SERVICE}` });
  expect(account).toMatchObject({ name: SERVICE, type: 'service', spentNanoUsd: COST_NANO_USD });
});

test('what is reported again, also after the lease and with another time, is neither charged nor counted again', async () => {
  const leased = await lease();
  const { keyId, leaseId } = leased;
  const [before, logs] = [await countersOf(keyId), await logsOf(keyId)];
  const startedAt = new Date();
  const first = outcome(leased, { startedAt });
  await client.reportOutcomes({ outcomes: [first, first] });
  await client.reportOutcomes({ outcomes: [first] });
  await client.releaseLeases({ leaseIds: [leaseId] });
  expect(
    await client.reportOutcomes({
      outcomes: [
        outcome(leased, { startedAt: new Date(startedAt.getTime() + 1) }),
        outcome(leased, { sequence: 2, startedAt }),
      ],
    }),
  ).toEqual({ unknownLeaseIds: [leaseId] });
  // the second request is behind all repetitions of the first one
  await vi.waitFor(async () => {
    expect(await logsOf(keyId)).toHaveLength(logs.length + 2);
  }, COUNTED);
  await expectCounted(keyId, before, { requests: 2n, lastUsedAt: startedAt });
});

test('a broker that is killed before it has counted, and told again when it is back, counts once', async () => {
  const leased = await lease();
  const { keyId } = leased;
  const [before, logs] = [await countersOf(keyId), await logsOf(keyId)];
  const startedAt = new Date();
  const first = outcome(leased, { startedAt });
  await client.reportOutcomes({ outcomes: [first] });
  await stack.kill('key-broker');
  expect(await countersOf(keyId)).toEqual(before);
  await stack.restart('key-broker');
  await expectCounted(keyId, before, { requests: 1n, lastUsedAt: startedAt });
  // counted and stored by now: another broker has to know it all the same
  await stack.restart('key-broker');
  await lease();
  await client.reportOutcomes({ outcomes: [first, outcome(leased, { sequence: 2, startedAt })] });
  await vi.waitFor(async () => {
    expect(await logsOf(keyId)).toHaveLength(logs.length + 2);
  }, COUNTED);
  await expectCounted(keyId, before, { requests: 2n, lastUsedAt: startedAt });
});

test('the broker reads what an upstream’s refusal means, and does not lease that key again', async () => {
  const leased = await lease();
  await client.reportOutcomes({
    outcomes: [outcome(leased, { status: 429, retryAfterMs: 60_000, tokens: undefined, errorWords: ['slow_down'] })],
  });
  await client.releaseLeases({ leaseIds: [leased.leaseId] });
  const next = [await lease(), await lease(), await lease()];
  expect(next.map(({ keyId }) => keyId)).not.toContain(leased.keyId);
  await vi.waitFor(async () => {
    expect(await logsOf(leased.keyId)).toContainEqual(
      expect.objectContaining({ statusCode: 429, isSuccess: false, costNanoUsd: 0n, usageSource: 'none' }),
    );
  }, COUNTED);
});

test('a service is refused other providers than its own', async () => {
  await expect(
    client.acquireLeases({ provider: 'openhands', model: MODEL, count: 1, holder: '', tokens: 0, excludeKeys: [] }),
  ).rejects.toMatchObject({ code: 'permission_denied' });
});

test('numbers of tokens that cannot be are refused before anything of the report is stored', async () => {
  const leased = await lease();
  const before = await logsOf(leased.keyId);
  await expect(
    client.reportOutcomes({
      outcomes: [outcome(leased), outcome(leased, { sequence: 2, tokens: { ...USED, output: -1n } })],
    }),
  ).rejects.toMatchObject({ code: 'invalid_argument' });
  await client.reportOutcomes({ outcomes: [outcome(leased, { sequence: 3 })] });
  await vi.waitFor(async () => {
    expect(await logsOf(leased.keyId)).toHaveLength(before.length + 1);
  }, COUNTED);
});
