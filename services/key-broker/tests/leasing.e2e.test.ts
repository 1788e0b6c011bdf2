import { startFakeProxy } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ask,
  backupKey,
  bindingOf,
  countByKey,
  HAIKU,
  oldKey,
  PROVIDER,
  secretOf,
  setPool,
  SONNET,
  startGateway,
  startLoad,
  untilMs,
  type Answer,
  type Book,
  type Gateway,
} from './e2e-gateway.ts';

let gateway: Gateway;
let urls: readonly string[] = [];
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  gateway = resources.use(
    await startGateway({
      routersPerSite: 2,
      env: {
        'key-broker': {
          // one test's failures are no incident of the next one's
          ATTRIBUTION_WINDOW: '500ms',
          ERROR_COOLDOWN: '1500ms',
        },
      },
    }),
  );
  urls = gateway.stack.addresses.ohmygptUrls;
});
afterAll(async () => {
  await resources.disposeAsync();
});
beforeEach(async () => {
  await gateway.fake.clearFaults();
  await gateway.fake.clearBooks();
});

const router = (number: number): string => urls[number - 1] ?? '';

async function askOnce(change: { readonly model?: string } = {}): Promise<Answer> {
  return await ask(gateway, { url: router(1), ...change });
}

async function askTimes(count: number, change: { readonly model?: string } = {}): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let asked = 0; asked < count; asked += 1) statuses.push((await askOnce(change)).status);
  return statuses;
}

const allOk = (count: number): readonly number[] => Array.from({ length: count }, () => 200);

async function keyDocument(id: string): Promise<Readonly<Record<string, unknown>> | null> {
  return await gateway.collection(`${PROVIDER}_keys`).findOne({ _id: id });
}

async function becomes(id: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await keyDocument(id)).toMatchObject(fields);
    },
    { timeout: 6_000, interval: 20 },
  );
}

async function booksOf(id: string): Promise<readonly Book[]> {
  return await gateway.fake.books({ key: secretOf(id) });
}

describe('five keys that a MongoDB client inserts as the system before this one wrote them', () => {
  const names = ['old-1', 'old-2', 'old-3', 'old-4', 'old-5'];

  test('are leased within five seconds, and 100 leases without affinity are 20 of each', async () => {
    const insertedMs = performance.now();
    await gateway.collection(`${PROVIDER}_keys`).insertMany(names.map((name) => oldKey(name)));
    await vi.waitFor(
      async () => {
        const { providers } = await gateway.leases.listProviders({});
        expect(providers.find(({ name }) => name === PROVIDER)).toMatchObject({ keys: 5, keysAvailable: 5 });
      },
      { timeout: 5_000, interval: 10 },
    );
    const counts: Record<string, number> = {};
    const leaseIds: string[] = [];
    for (let call = 0; call < 20; call += 1) {
      const { result } = await gateway.leases.acquireLeases({
        provider: PROVIDER,
        model: HAIKU,
        // a call for one and a call for nine
        count: call % 2 === 0 ? 1 : 9,
        holder: 'test',
        tokens: 0,
        excludeKeys: [],
      });
      for (const { keyId, leaseId, secret } of result?.$case === 'granted' ? result.value.leases : []) {
        expect(secret).toBe(secretOf(keyId));
        counts[keyId] = (counts[keyId] ?? 0) + 1;
        leaseIds.push(leaseId);
      }
    }
    expect(performance.now() - insertedMs).toBeLessThan(5_000);
    expect(counts).toEqual(Object.fromEntries(names.map((name) => [name, 20])));
    await gateway.leases.releaseLeases({ leaseIds });
  });

  test('serve 100 requests without a session, one after the other through one router, 20 each', async () => {
    expect(await askTimes(100)).toEqual(allOk(100));
    expect(countByKey(await gateway.fake.books())).toEqual(
      Object.fromEntries(names.map((name) => [secretOf(name), 20])),
    );
  });

  test('are encrypted from then on where the broker writes, and their counters go on from what they were', async () => {
    await vi.waitFor(
      async () => {
        const keys = await gateway.collection(`${PROVIDER}_keys`).find().toArray();
        // 12,345 tokens and 67 requests in the documents as they were inserted; 45 tokens a request
        expect(keys.map(({ requestsCount }) => Number(requestsCount))).toEqual([87, 87, 87, 87, 87]);
        expect(keys.map(({ tokensUsed }) => Number(tokensUsed))).toEqual(names.map(() => 12_345 + 20 * 45));
        expect(keys.filter(({ apiKey }) => !String(apiKey).startsWith('omg1:'))).toEqual([]);
      },
      { timeout: 12_000, interval: 50 },
    );
  });
});

test('a key that is disabled in MongoDB is used by no router two seconds later', async () => {
  await setPool(gateway, { keys: ['leaving', 'staying'].map((name) => oldKey(name)) });
  await gateway.fake.setFault({ answer: { tokens: { output: 5 }, paceMs: 10 } });
  // the books tell the routers apart by the model
  const models = [HAIKU, SONNET];
  let asked = 0;
  const load = startLoad(gateway, 8, (worker) => ({
    url: router((worker % 2) + 1),
    model: models[worker % 2] ?? HAIKU,
    stream: true,
    // half of them are conversations, each with a key of its own
    ...(worker < 4 ? {} : { conversation: `turn ${asked++ % 200}` }),
  }));
  const usedBy = async (): Promise<ReadonlySet<string | null>> =>
    new Set((await booksOf('leaving')).map(({ model }) => model));
  await vi.waitFor(
    async () => {
      expect(await usedBy()).toEqual(new Set(models));
      expect((await booksOf('leaving')).length).toBeGreaterThan(20);
    },
    { timeout: 5_000 },
  );
  await gateway.collection(`${PROVIDER}_keys`).updateOne({ _id: 'leaving' }, { $set: { isEnabled: false } });
  const writtenAtMs = Date.now();
  await untilMs(writtenAtMs + 4_000);
  await load.stop();
  const starts = (await booksOf('leaving')).map(({ startedAtMs }) => startedAtMs);
  expect(starts.filter((atMs) => atMs > writtenAtMs + 2_000)).toEqual([]);
  // and the others went on
  const after = (await booksOf('staying')).filter(({ startedAtMs }) => startedAtMs > writtenAtMs + 2_000);
  expect(new Set(after.map(({ model }) => model))).toEqual(new Set(models));
  expect(load.answers.every(({ isWhole }) => isWhole)).toBe(true);
  console.info(`disabled: last start ${Math.round(Math.max(...starts) - writtenAtMs)} ms after the write`);
});

describe('a key that is refused with 401', () => {
  test('is gone when the client has its 200: the backup key has its place, its bindings and its proxy', async () => {
    const proxy = resources.use(
      await startFakeProxy({ name: 'moved-proxy', announceTo: [gateway.stack.addresses.fakeAdminUrl] }),
    );
    await setPool(gateway, {
      keys: [oldKey('refused', { enableFailover: false })],
      backups: [backupKey('spare')],
      bindings: [bindingOf('refused', 'p-moved', 3)],
      proxies: [{ _id: 'p-moved', name: 'moved', type: 'http', host: proxy.host, port: proxy.port, isActive: true }],
    });
    await gateway.fake.setFault({ match: { key: secretOf('refused') }, fault: 401 });
    expect(await askTimes(1)).toEqual([200]);
    expect((await gateway.fake.books()).map(({ key, status, proxy: by }) => [key, status, by])).toEqual([
      [secretOf('refused'), 401, 'moved-proxy'],
      [secretOf('spare'), 200, 'moved-proxy'],
    ]);
    expect(await keyDocument('refused')).toBeNull();
    expect(await keyDocument('spare')).toMatchObject({ replacedKey: 'refused', status: 'healthy', isEnabled: true });
    expect(await gateway.collection(`${PROVIDER}_bindings`).find().toArray()).toMatchObject([
      { ohmygptKeyId: 'spare', proxyId: 'p-moved', priority: 3, isActive: true },
    ]);
    expect(await gateway.collection(`${PROVIDER}_backup_keys`).find().toArray()).toMatchObject([
      { _id: 'spare', isUsed: true, activated: true, usedFor: 'refused' },
    ]);
    const { entries } = await gateway.admin.listHistory({
      provider: PROVIDER,
      keyId: 'refused',
      pageSize: 10,
      pageToken: '',
    });
    expect(entries.at(-1)).toMatchObject({ cause: 'auth', to: 'gone', actor: 'key-broker' });
    expect(await askTimes(5)).toEqual(allOk(5));
    expect(await booksOf('refused')).toHaveLength(1);
    expect((await booksOf('spare')).every(({ proxy: by }) => by === 'moved-proxy')).toBe(true);
  });

  test('is exhausted where no backup key is left, and the other keys serve on', async () => {
    await setPool(gateway, { keys: [oldKey('spent'), oldKey('other')] });
    await gateway.fake.setFault({ match: { key: secretOf('spent') }, fault: 401 });
    expect(await askTimes(2)).toEqual(allOk(2));
    expect(await booksOf('spent')).not.toEqual([]);
    await becomes('spent', { status: 'exhausted' });
    await gateway.fake.clearBooks();
    expect(await askTimes(10)).toEqual(allOk(10));
    expect(await booksOf('spent')).toEqual([]);
    expect(await keyDocument('other')).toMatchObject({ status: 'healthy' });
  });

  test('and was the last one, is a 503 that says when to come again, without another try upstream', async () => {
    await setPool(gateway, { keys: [oldKey('last')] });
    await gateway.fake.setFault({ match: { key: secretOf('last') }, fault: 401 });
    for (let times = 0; times < 2; times += 1) {
      const { status, retryAfter, text } = await askOnce();
      expect(status).toBe(503);
      expect(Number(retryAfter)).toBeGreaterThan(0);
      expect(text).not.toContain('last');
    }
    expect(await booksOf('last')).toHaveLength(1);
  });
});

describe('a key that is limited, spent or failing', () => {
  test('rests for as long as Retry-After says after a 429, and comes back by one probe', async () => {
    await setPool(gateway, { keys: [oldKey('limited'), oldKey('free')] });
    await gateway.fake.setFault({
      match: { key: secretOf('limited') },
      fault: { kind: 'status', status: 429, retryAfter: 2 },
      times: 1,
    });
    const load = startLoad(gateway, 4, (worker) => ({ url: router((worker % 2) + 1) }));
    await becomes('limited', { status: 'rate_limited' });
    const [refused] = await booksOf('limited').then((books) => books.filter(({ status }) => status === 429));
    await becomes('limited', { status: 'healthy', cooldownUntil: null });
    await load.stop();
    expect(load.answers.every(({ isWhole }) => isWhole)).toBe(true);
    const refusedAtMs = refused?.startedAtMs ?? Number.NaN;
    const later = (await booksOf('limited')).filter(({ startedAtMs }) => startedAtMs > refusedAtMs + 300);
    const [probe] = later;
    expect(probe?.startedAtMs).toBeGreaterThanOrEqual(refusedAtMs + 2_000);
    // nothing else until the probe's first byte
    expect(later.filter(({ startedAtMs }) => startedAtMs < (probe?.firstByteAtMs ?? Infinity))).toHaveLength(1);
  });

  test('goes on at the backup endpoint when its money is spent and it may', async () => {
    await setPool(gateway, { keys: [oldKey('fails-over', { enableFailover: true })] });
    await gateway.fake.setFault({
      match: { path: '/ohmygpt/v1/chat/completions' },
      fault: 'openai-insufficient-quota',
    });
    expect(await askTimes(3)).toEqual(allOk(3));
    expect((await booksOf('fails-over')).map(({ path, status }) => [path, status])).toEqual([
      ['/ohmygpt/v1/chat/completions', 429],
      ['/ohmygpt-backup/chat/completions', 200],
      ['/ohmygpt-backup/chat/completions', 200],
      ['/ohmygpt-backup/chat/completions', 200],
    ]);
    await becomes('fails-over', { status: 'using_failover' });
  });

  test('that may not use a model serves the others', async () => {
    await setPool(gateway, { keys: [oldKey('narrow'), oldKey('wide')] });
    await gateway.fake.setFault({
      match: { key: secretOf('narrow'), model: HAIKU },
      fault: 'litellm-key-model-access-denied',
    });
    expect(await askTimes(2, { model: HAIKU })).toEqual(allOk(2));
    const { key } = await gateway.admin.getKey({ provider: PROVIDER, keyId: 'narrow' });
    expect(key).toMatchObject({ status: 'healthy', available: true, deniedModels: [{ model: HAIKU }] });
    await gateway.fake.clearBooks();
    expect(await askTimes(8, { model: HAIKU })).toEqual(allOk(8));
    expect(await askTimes(8, { model: SONNET })).toEqual(allOk(8));
    expect((await booksOf('narrow')).map(({ model }) => model)).toEqual([SONNET, SONNET, SONNET, SONNET]);
  });

  test('is an error after three failures in a row, and comes back by one probe', async () => {
    await setPool(gateway, { keys: [oldKey('failing'), oldKey('steady')] });
    await gateway.fake.setFault({ match: { key: secretOf('failing') }, fault: 500 });
    const load = startLoad(gateway, 2, (worker) => ({ url: router(worker + 1) }));
    await becomes('failing', { status: 'error' });
    const seenAtMs = Date.now();
    await gateway.fake.clearFaults();
    await becomes('failing', { status: 'healthy', cooldownUntil: null });
    await load.stop();
    expect(load.answers.every(({ isWhole }) => isWhole)).toBe(true);
    const books = await booksOf('failing');
    const before = books.filter(({ startedAtMs }) => startedAtMs < seenAtMs);
    expect(before.filter(({ status }) => status === 500).length).toBeGreaterThanOrEqual(3);
    const [probe, ...later] = books.filter(({ startedAtMs }) => startedAtMs >= seenAtMs);
    // of 1.5 s a fifth may be taken away
    expect(probe?.startedAtMs).toBeGreaterThan(seenAtMs + 1_000);
    expect(later.filter(({ startedAtMs }) => startedAtMs < (probe?.firstByteAtMs ?? Infinity))).toEqual([]);
  });

  test('is innocent when its proxy refuses: the next binding’s proxy is taken, and the key’s state is what it was', async () => {
    const proxies = await Promise.all(
      ['first-proxy', 'second-proxy'].map(async (name) =>
        resources.use(await startFakeProxy({ name, announceTo: [gateway.stack.addresses.fakeAdminUrl] })),
      ),
    );
    const [first, second] = proxies;
    await setPool(gateway, {
      keys: [oldKey('bound')],
      bindings: [bindingOf('bound', 'p-1', 1), bindingOf('bound', 'p-2', 2)],
      proxies: proxies.map(({ host, port }, at) => ({ _id: `p-${at + 1}`, type: 'http', host, port, isActive: true })),
    });
    const standings = async (): Promise<readonly string[]> =>
      (await gateway.admin.listProxies({ provider: PROVIDER })).proxies.map(
        ({ health }) => health.find(({ provider }) => provider === PROVIDER)?.standing ?? '',
      );
    await vi.waitFor(
      async () => {
        expect(await standings()).toEqual(['healthy', 'healthy']);
      },
      { timeout: 5_000 },
    );
    expect(await askTimes(1)).toEqual([200]);
    expect((await booksOf('bound')).map(({ proxy }) => proxy)).toEqual(['first-proxy']);
    const before = await gateway.admin.getKey({ provider: PROVIDER, keyId: 'bound' });
    // its open tunnels end, and then it refuses new ones
    await first?.setState({ mode: 'dead' });
    await first?.setState({ mode: 'refuse', httpStatus: 403 });
    first?.clearBooks();
    expect(await askTimes(6)).toEqual(allOk(6));
    expect((await booksOf('bound')).slice(1).every(({ proxy }) => proxy === 'second-proxy')).toBe(true);
    expect(await standings()).not.toEqual(['healthy', 'healthy']);
    const { key } = await gateway.admin.getKey({ provider: PROVIDER, keyId: 'bound' });
    expect(key).toMatchObject({ status: 'healthy', lastError: before.key?.lastError, available: true, route: 'p-2' });
    expect(first?.books().length).toBeGreaterThan(0);
    expect(second?.stats().established).toBeGreaterThan(0);
  });
});
