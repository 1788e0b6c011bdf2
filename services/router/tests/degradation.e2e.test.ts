import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeClientKey } from '@omg/client-key';
import { readSiteFile } from '@omg/config';
import { AMPLE_LIMITS, createFakeAdmin, startStack, type FakeAdmin, type Stack, type StackTenant } from '@omg/testkit';
import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const MODEL = 'output-only';
/** At ten dollars a million tokens of output, a cent. */
const CENT_TOKENS = 1_000;
const ROUTER = 'router-ohmygpt-1';

const tenant = (id: string, terms: Partial<StackTenant>): StackTenant => ({
  id,
  name: id,
  type: 'organization',
  creditsUsd: '1000',
  budget: 'none',
  ...terms,
  keys: [{ id: `${id}-key`, name: 'key', key: makeClientKey() }],
});
const tenants = [
  tenant('known', {}),
  tenant('hard', { budget: { usd: 1, period: 'month', hard: true } }),
  tenant('small', { creditsUsd: '3' }),
  tenant('narrow', { limits: { parallel: 4 } }),
  ...['late-killed', 'late-silent', 'late-mongo-killed', 'late-mongo-silent'].map((id) => tenant(id, {})),
];

let stack: Stack;
let fake: FakeAdmin;
let ledger: Db;
const resources = new AsyncDisposableStack();
/** Ids of all requests that were answered with 200. */
const served: string[] = [];

beforeAll(async () => {
  const site = readSiteFile(fileURLToPath(new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url)));
  const directory = resources.adopt(await mkdtemp(join(tmpdir(), 'omg-degradation-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const siteFile = join(directory, 'ohmygpt.json');
  const price = { input: '0', output: '10', cacheWrite5m: '0', cacheWrite1h: '0', cacheRead: '0' };
  const models = [...site.models, { id: MODEL, upstream: MODEL, price }];
  await writeFile(siteFile, JSON.stringify({ ...site, models }));
  // servers of its own, since it stops and kills them
  stack = resources.use(
    await startStack({
      parts: ['mongo', 'nats', 'fake-upstream', 'key-broker', 'usage-ledger', 'router-ohmygpt'],
      siteFiles: { ohmygpt: siteFile },
      tenants,
      logLevel: 'info',
      env: { 'usage-ledger': AMPLE_LIMITS, 'router-ohmygpt': { JOURNAL_MAX_BYTES: String(1024 * 1024) } },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const mongo = new MongoClient(stack.addresses.ledgerMongoUrl, { useBigInt64: true });
  resources.defer(async () => {
    await mongo.close();
  });
  ledger = mongo.db(stack.addresses.ledgerDatabase);
});
afterAll(async () => {
  await resources.disposeAsync();
});

interface Told {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: number;
  readonly text: string;
}

async function ask(who: string, body: object = {}, signal?: AbortSignal): Promise<Told> {
  const startedMs = performance.now();
  const key = tenants.find(({ id }) => id === who)?.keys[0]?.key ?? '';
  const response = await fetch(`${stack.addresses.ohmygptUrls[0] ?? ''}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      max_tokens: 10,
      messages: [{ role: 'user', content: 'hello' }],
      ...body,
    }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  if (response.status === 200) served.push(response.headers.get('request-id') ?? '');
  return {
    status: response.status,
    ms: performance.now() - startedMs,
    retryAfter: Number(response.headers.get('retry-after')),
    text,
  };
}

const times = async (count: number, who: string, body: object = {}): Promise<Told[]> =>
  await Promise.all(Array.from({ length: count }, async () => await ask(who, body)));

/** Clients that leave while their requests wait for what is away, or run. */
async function leave(count: number, who: string): Promise<void> {
  const leaving = Array.from({ length: count }, async () => await ask(who, {}, AbortSignal.timeout(300)));
  const ended = await Promise.allSettled(leaving);
  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 'rejected'));
}

const statuses = (told: readonly Told[]): number[] =>
  [...new Set(told.map(({ status }) => status))].toSorted((a, b) => a - b);
const patience = { timeout: 25_000, interval: 100 };

/** As nobody is told that they have reached a limit, or have no money, who has: only that it cannot be seen to now. */
function expectRefused(told: readonly Told[], message: RegExp): void {
  const refused = told.filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThan(0);
  expect(statuses(refused)).toEqual([529]);
  for (const { text, retryAfter, ms } of refused) {
    expect(text).toMatch(message);
    expect(retryAfter).toBeGreaterThanOrEqual(1);
    expect(ms).toBeLessThan(10_000);
  }
}

async function expectServed(who: string, count = 10): Promise<void> {
  await vi.waitFor(async () => {
    expect(statuses(await times(count, who))).toEqual([200]);
  }, patience);
}

async function readiness(process: string): Promise<string> {
  const response = await fetch(`${stack.addresses.opsUrls[process] ?? ''}/readyz`);
  return `${response.status} ${await response.text()}`;
}

const logged = async (): Promise<number> => await ledger.collection('request_logs').countDocuments({ isSuccess: true });
const expectAllCharged = async (): Promise<void> => {
  await expect.poll(logged, patience).toBe(served.length);
};

/** A process that is gone, and one that is there and says nothing: a slow one is worse than a dead one. */
const AWAY = [
  {
    how: 'killed',
    lose: async (name: string) => {
      await stack.kill(name);
    },
    giveBack: async (name: string) => {
      await stack.restart(name);
    },
  },
  {
    how: 'silent',
    lose: async (name: string) => {
      await stack.kill(name, 'SIGSTOP');
    },
    giveBack: async (name: string) => {
      await stack.kill(name, 'SIGCONT');
    },
  },
] as const;

/** Does something without a part, which is back afterwards whatever came of it. */
async function without(
  name: string,
  { lose, giveBack }: (typeof AWAY)[number],
  work: () => Promise<void>,
): Promise<void> {
  await lose(name);
  try {
    await work();
  } finally {
    await fake.clearFaults();
    await giveBack(name);
  }
}

describe.each(AWAY)('key-broker $how', (away) => {
  test('what is held of keys serves on, what is not is refused after two seconds, and all is served when it is back', async () => {
    await expectServed('known');
    await without('key-broker', away, async () => {
      await fake.setFault({ answer: { headerDelayMs: 2_500 } });
      await leave(150, 'known');
      // no slot comes free while they wait
      const told = await times(300, 'known');
      await fake.clearFaults();
      expect(statuses(told)).toEqual([200, 529]);
      expectRefused(told, /no upstream key is available/);
      expect(Math.min(...told.filter(({ status }) => status === 529).map(({ ms }) => ms))).toBeGreaterThan(1_900);
      expect((await ask('known')).status).toBe(200);
    });
    await expectServed('known', 100);
  });
});

describe.each(AWAY)('usage-ledger $how', (away) => {
  test('known accounts are served by what is held, then by what was granted for this case, and never told of a limit; unknown keys and hard budgets wait', async () => {
    for (const who of ['known', 'hard', 'small', 'narrow']) await expectServed(who, 3);
    const stranger = `late-${away.how}`;
    await without('usage-ledger', away, async () => {
      await fake.setFault({ answer: { headerDelayMs: 500 } });
      await leave(20, 'narrow');
      await fake.clearFaults();

      const cents = { max_tokens: CENT_TOKENS };
      expect(statuses(await times(60, 'known', cents))).toEqual([200]);
      expectRefused(await times(3, stranger), /accounts cannot be checked/);
      // the whole of a hard budget is its owner's to give: what is held of it is less than this
      expectRefused(await times(60, 'hard', cents), /limits cannot be checked/);
      // of four at once this router, the only one, knows that it may have four; that four are reached it cannot know
      await fake.setFault({ answer: { headerDelayMs: 2_000 } });
      const narrow = await times(20, 'narrow');
      await fake.clearFaults();
      expect(narrow.filter(({ status }) => status === 200)).toHaveLength(4);
      expectRefused(narrow, /limits cannot be checked/);
      // a hundredth of three dollars is three requests of a cent
      const some = await times(60, 'small', { ...cents, stream: true });
      expect(some.filter(({ status }) => status === 200).length).toBeLessThan(30);
      expectRefused(some, /limits cannot be checked/);
    });
    await expectServed(stranger, 3);
    for (const who of ['known', 'hard', 'small', 'narrow']) await expectServed(who, 3);
    await expectAllCharged();
  });
});

describe.each(AWAY)('NATS $how', (away) => {
  test('the journal is the queue until it is full; then the router is not ready, says why, and refuses; all is charged when it is back', async () => {
    await expectServed('known');
    await expectAllCharged();
    await without('nats', away, async () => {
      const before = await logged();
      expect(statuses(await times(50, 'known'))).toEqual([200]);
      expect(await readiness(ROUTER)).toMatch(/^200/);
      let told: readonly Told[] = [];
      for (let batch = 0; batch < 60 && !statuses(told).includes(529); batch += 1) told = await times(50, 'known');
      expectRefused(told, /usage cannot be recorded/);
      expect(await readiness(ROUTER)).toMatch(/^503 .*the journal is full by bytes/s);
      expect((await ask('known')).status).toBe(529);
      expect(await logged()).toBe(before);
    });
    await vi.waitFor(async () => {
      expect(await readiness(ROUTER)).toMatch(/^200/);
    }, patience);
    await expectServed('known');
    await expectAllCharged();
  });
});

describe.each(AWAY)('MongoDB $how', (away) => {
  test('what is held serves on, unknown keys are refused, both services are not ready; all goes on when it is back', async () => {
    for (const who of ['known', 'hard']) await expectServed(who, 3);
    const stranger = `late-mongo-${away.how}`;
    const ownershipsLost = (): number =>
      stack.logs('key-broker').filter((line) => line.includes('ownership: lost')).length;
    const lostBefore = ownershipsLost();
    await without('mongo', away, async () => {
      expect(statuses(await times(10, 'known'))).toEqual([200]);
      expectRefused(await times(2, stranger), /accounts cannot be checked/);
      for (const service of ['key-broker', 'usage-ledger']) {
        await vi.waitFor(async () => {
          expect(await readiness(service)).toMatch(/^503/);
        }, patience);
      }
      // nobody owns the pool any more
      await vi.waitFor(() => {
        expect(ownershipsLost()).toBeGreaterThan(lostBefore);
      }, patience);
      expect(statuses(await times(10, 'known'))).toEqual([200]);
    });
    await expectServed(stranger, 3);
    await expectServed('known', 100);
    await expectAllCharged();
  });
});

test('whatever was away, each request that was served is in the books once, and what accounts spent is their sum', async () => {
  await expectAllCharged();
  const logs = ledger.collection<{ _id: string; costNanoUsd: bigint; isSuccess: boolean }>('request_logs');
  const all = await logs.find({}).toArray();
  const ids = all.filter(({ isSuccess }) => isSuccess).map(({ _id }) => _id);
  expect(ids.toSorted()).toEqual(served.toSorted());
  const spent = await ledger.collection<{ spentNanoUsd?: bigint }>('tenants').find({}).toArray();
  expect(spent.reduce((sum, one) => sum + (one.spentNanoUsd ?? 0n), 0n)).toBe(
    all.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n),
  );
  expect(await ledger.collection('dead_letters').countDocuments()).toBe(0);
  // what holds pools and accounts was found again, which is told a little later
  for (const process of ['key-broker', 'usage-ledger', ROUTER]) {
    await vi.waitFor(async () => {
      expect(await readiness(process)).toMatch(/^200/);
    }, patience);
  }
});
