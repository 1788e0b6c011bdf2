import { Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { keyAdminV1, keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { AMPLE_LIMITS, createFakeAdmin, startStack, type FakeAdmin, type Stack, type StackOptions } from '@omg/testkit';
import { MongoClient, type Collection, type Db } from 'mongodb';
import { expect, onTestFinished, vi } from 'vitest';
import { oldKey, type KeyDocument } from './old-key.ts';

export const HAIKU = 'claude-haiku-4-5-20251001';
export const SONNET = 'claude-sonnet-4-5-20250929';
export const PROVIDER = 'ohmygpt';

export type Book = Awaited<ReturnType<FakeAdmin['books']>>[number];

/** A whole gateway, and whoever has to do with it: clients, an operator, a database administrator, the upstream. */
export interface Gateway extends AsyncDisposable {
  readonly stack: Stack;
  readonly fake: FakeAdmin;
  readonly brokerDb: Db;
  readonly ledgerDb: Db;
  /** Of the first replica of key-broker. */
  readonly leases: GrpcClient<keyBrokerV1.KeyBrokerService>;
  readonly admin: GrpcClient<keyAdminV1.KeyAdminService>;
  leasesAt: (address: string) => GrpcClient<keyBrokerV1.KeyBrokerService>;
  adminAt: (address: string) => GrpcClient<keyAdminV1.KeyAdminService>;
  collection: (name: string) => Collection<KeyDocument>;
}

/** Without keys: each test inserts its own. */
export async function startGateway(options: StackOptions = {}): Promise<Gateway> {
  await using resources = new AsyncDisposableStack();
  const stack = resources.use(
    await startStack({
      logLevel: 'info',
      ...options,
      env: {
        'usage-ledger': AMPLE_LIMITS,
        ...options.env,
        'key-broker': { OHMYGPT_API_KEYS: '', ...options.env?.['key-broker'] },
      },
    }),
  );
  const { addresses, secrets } = stack;
  const mongo = resources.use(new MongoClient(addresses.mongodbUrl, { useBigInt64: true }));
  const telemetry = resources.use(
    startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }),
  );
  const of = (address: string) => ({
    address,
    token: new Secret(secrets.operatorToken),
    deadlineMs: 10_000,
    telemetry,
  });
  const brokerDb = mongo.db(addresses.brokerDatabase);
  const owned = resources.move();
  const leasesAt: Gateway['leasesAt'] = (address) =>
    owned.use(createGrpcClient(keyBrokerV1.KeyBrokerService, of(address)));
  const adminAt: Gateway['adminAt'] = (address) => owned.use(createGrpcClient(keyAdminV1.KeyAdminService, of(address)));
  return {
    stack,
    fake: createFakeAdmin(addresses.fakeAdminUrl),
    brokerDb,
    ledgerDb: mongo.db(addresses.ledgerDatabase),
    leases: leasesAt(addresses.brokerAddr),
    admin: adminAt(addresses.brokerAddr),
    leasesAt,
    adminAt,
    collection: (name) => brokerDb.collection<KeyDocument>(name),
    async [Symbol.asyncDispose]() {
      await owned.disposeAsync();
    },
  };
}

export interface PoolDocuments {
  readonly keys: readonly KeyDocument[];
  readonly backups?: readonly KeyDocument[];
  readonly bindings?: readonly KeyDocument[];
  readonly proxies?: readonly KeyDocument[];
}

/** The documents of the pool become these, as somebody with a MongoDB client would do it, and the broker has seen it. */
export async function setPool(gateway: Gateway, documents: PoolDocuments): Promise<void> {
  const { keys, backups = [], bindings = [], proxies = [] } = documents;
  const wanted: [string, readonly KeyDocument[]][] = [
    ['proxies', proxies],
    [`${PROVIDER}_bindings`, bindings],
    [`${PROVIDER}_backup_keys`, backups],
    [`${PROVIDER}_keys`, keys],
  ];
  for (const [name, rows] of wanted) {
    const collection = gateway.collection(name);
    await collection.deleteMany({});
    if (rows.length > 0) await collection.insertMany([...rows]);
  }
  const { address } = await ownerOf(gateway);
  using admin = gateway.adminAt(address);
  const idsOf = (rows: readonly { readonly keyId: string }[]): readonly string[] => rows.map(({ keyId }) => keyId);
  await vi.waitFor(
    async () => {
      const listed = await admin.listKeys({
        provider: PROVIDER,
        statuses: [],
        search: '',
        pageSize: 0,
        pageToken: '',
      });
      expect(idsOf(listed.keys).toSorted()).toEqual(keys.map(({ _id }) => _id).toSorted());
      expect(listed.keys.map(({ bindings: { length } }) => length).reduce((sum, one) => sum + one, 0)).toBe(
        bindings.length,
      );
      const { backupKeys } = await admin.listBackupKeys({ provider: PROVIDER, unused: true });
      expect(idsOf(backupKeys).toSorted()).toEqual(backups.map(({ _id }) => _id).toSorted());
      const { proxies: seen } = await admin.listProxies({ provider: PROVIDER });
      expect(seen).toHaveLength(proxies.length);
    },
    { timeout: 5_000, interval: 20 },
  );
}

export interface Owner {
  readonly address: string;
  /** Of the process in the stack. */
  readonly name: string;
  readonly holder: string;
  readonly term: number;
}

/** Who has the pool, as `owners` says; waits until somebody has. */
export async function ownerOf(gateway: Gateway, provider = PROVIDER): Promise<Owner> {
  const { brokerAddrs } = gateway.stack.addresses;
  const row = await vi.waitUntil(
    async () => await gateway.collection('owners').findOne({ _id: provider, address: { $in: [...brokerAddrs] } }),
    { timeout: 10_000, interval: 20 },
  );
  const { address, holder, term } = row;
  const at = brokerAddrs.indexOf(String(address));
  const name = at === 0 ? 'key-broker' : `key-broker-${at + 1}`;
  return { address: String(address), name, holder: String(holder), term: Number(term) };
}

export const secretOf = (name: string): string => `secret-of-${name}`;

export const backupKey = (name: string): KeyDocument => ({
  _id: name,
  apiKey: secretOf(name),
  isUsed: false,
  activated: false,
  enableFailover: null,
  createdAt: new Date('2025-01-01'),
});

export const bindingOf = (keyId: string, proxyId: string, priority = 1): KeyDocument => ({
  _id: `${keyId}-${proxyId}`,
  proxyId,
  [`${PROVIDER}KeyId`]: keyId,
  priority,
  isActive: true,
  createdAt: new Date('2025-01-01'),
  updatedAt: new Date('2025-01-01'),
});

export { oldKey };

export interface Question {
  readonly url: string;
  readonly model?: string;
  readonly stream?: boolean;
  /** Requests of one conversation stay together; without one there is nothing that would name a key. */
  readonly conversation?: string;
}

export interface Answer {
  readonly requestId: string;
  readonly status: number;
  readonly retryAfter: string | null;
  /** With its terminal event, where it was a stream. */
  readonly isWhole: boolean;
  readonly text: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export async function ask({ stack }: Gateway, question: Question): Promise<Answer> {
  const { url, model = HAIKU, stream = false, conversation } = question;
  const messages =
    conversation === undefined
      ? [{ role: 'system', content: 'say something' }]
      : [{ role: 'user', content: conversation }];
  const startedAtMs = Date.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${stack.secrets.clientKey}` },
    // the most that it may cost is reserved, also while nobody can say what is left of a budget
    body: JSON.stringify({ model, stream, max_tokens: 1_000, messages }),
  });
  const text = await response.text();
  return {
    requestId: response.headers.get('x-request-id') ?? '',
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    isWhole: response.ok && (!stream || text.endsWith('data: [DONE]\n\n')),
    text,
    startedAtMs,
    endedAtMs: Date.now(),
  };
}

export interface Load {
  readonly answers: readonly Answer[];
  /** Resolves when the last request has ended; throws what a request failed of at the connection. */
  readonly stop: () => Promise<void>;
}

/** So many workers, each with one request after the other, until the test ends at the latest. */
export function startLoad(gateway: Gateway, workers: number, question: (worker: number) => Question): Load {
  const answers: Answer[] = [];
  const stopping = new AbortController();
  const working = Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (!stopping.signal.aborted) answers.push(await ask(gateway, question(worker)));
    }),
  );
  // seen by whoever stops it
  working.catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await working;
  };
  onTestFinished(stop);
  return { answers, stop };
}

/** The most requests that the upstream had at one time, by key. */
export function mostAtOnce(books: readonly Book[]): ReadonlyMap<string, number> {
  const byKey = Map.groupBy(books, ({ key }) => key ?? '');
  return new Map(
    [...byKey].map(([key, entries]) => {
      const steps = entries.flatMap((entry) => [
        { atMs: entry.startedAtMs, by: 1 },
        { atMs: endOf(entry), by: -1 },
      ]);
      // one that ends in the moment in which another begins is not there beside it
      steps.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
      let now = 0;
      let most = 0;
      for (const { by } of steps) {
        now += by;
        most = Math.max(most, now);
      }
      return [key, most];
    }),
  );
}

/** A client that has the last byte is done; the upstream sees the end of the exchange a little later. */
function endOf({ complete, lastByteAtMs, closedAtMs }: Book): number {
  return (complete ? lastByteAtMs : closedAtMs) ?? Infinity;
}

export function countByKey(books: readonly Book[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(books, ({ key }) => key ?? '')].map(([key, { length }]) => [key, length]));
}

/** A condition that holds for so long, looked at again and again. */
export async function untilMs(deadlineMs: number): Promise<void> {
  await vi.waitUntil(() => Date.now() >= deadlineMs, {
    timeout: Math.max(1, deadlineMs - Date.now()) + 2_000,
    interval: 10,
  });
}
