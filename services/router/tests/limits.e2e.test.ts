import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeClientKey } from '@omg/client-key';
import { readSiteFile, Secret } from '@omg/config';
import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { accountsAdminV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import {
  AMPLE_LIMITS,
  createFakeAdmin,
  jsonLines,
  runOmg,
  startStack,
  testMongoUrl,
  testNatsUrl,
  type FakeAdmin,
  type Stack,
  type StackTenant,
} from '@omg/testkit';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { metricOf } from './crowd.ts';

const MODEL = 'output-only';
/** At ten dollars a million tokens of output, a cent. */
const CENT_TOKENS = 1_000;
const RPM = 100;

const tenant = (id: string, terms: Partial<StackTenant>, key: object = {}): StackTenant => ({
  id,
  name: id,
  type: 'organization',
  creditsUsd: '1000',
  ...terms,
  keys: [{ id: `${id}-key`, name: 'key', key: makeClientKey(), ...key }],
});
const tenants = [
  tenant('dollar', { budget: { usd: 1, period: 'month', hard: true } }),
  tenant('single', { budget: 'none' }, { limits: { parallel: 1 } }),
  tenant('paced', { budget: 'none' }, { limits: { requestsPerMinute: RPM } }),
  tenant('killed', { budget: 'none', limits: { parallel: 6 } }),
  tenant('closed', { budget: 'none' }),
  tenant('idle', { budget: 'none' }, { limits: { requestsPerMinute: 1, parallel: 1 } }),
];
const keyOf = (id: string): string => tenants.find((one) => one.id === id)?.keys[0]?.key ?? '';

let stack: Stack;
let pacing: Promise<Pacing>;
let fake: FakeAdmin;
let admin: GrpcClient<accountsAdminV1.AccountsAdminService>;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  const site = readSiteFile(fileURLToPath(new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url)));
  const directory = resources.adopt(await mkdtemp(join(tmpdir(), 'omg-limits-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const siteFile = join(directory, 'ohmygpt.json');
  const price = { input: '0', output: '10', cacheWrite5m: '0', cacheWrite1h: '0', cacheRead: '0' };
  await writeFile(
    siteFile,
    JSON.stringify({ ...site, models: [...site.models, { id: MODEL, upstream: MODEL, price }] }),
  );
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      routersPerSite: 4,
      ledgers: 2,
      siteFiles: { ohmygpt: siteFile },
      tenants,
      logLevel: 'info',
      env: { 'usage-ledger': AMPLE_LIMITS },
    }),
  );
  await ledgersHaveSettled();
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  await fake.setFault({ answer: { tokens: { input: 5, output: 100_000 }, deltas: 2 } });
  pacing = pace(75_000);
  const telemetry = resources.use(
    startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }),
  );
  admin = resources.use(
    createGrpcClient(accountsAdminV1.AccountsAdminService, {
      address: stack.addresses.ledgerAddr,
      token: new Secret(stack.secrets.operatorToken),
      deadlineMs: 10_000,
      telemetry,
    }),
  );
});
afterAll(async () => {
  await resources.disposeAsync();
});

/** The one that began first has handed its part over to the other, and routers have found their owners. */
async function ledgersHaveSettled(): Promise<void> {
  await using mongo = new MongoClient(stack.addresses.ledgerMongoUrl);
  const owners = mongo.db(stack.addresses.ledgerDatabase).collection<{ holder?: string }>('owners');
  await vi.waitFor(
    async () => {
      const owned = (await owners.find().toArray()).flatMap(({ holder }) => holder ?? []);
      const counts = Map.groupBy(owned, (holder) => holder)
        .values()
        .map(({ length }) => length)
        .toArray();
      expect(counts).toHaveLength(2);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      for (const router of [1, 2, 3, 4])
        expect(await metricOf(stack, `router-ohmygpt-${router}`, 'omg_router_account_partitions')).toBe(8);
    },
    { timeout: 30_000, interval: 200 },
  );
}

/** One request, through one of the routers; the last one is killed. */
async function ask(who: string, router: number, body: object = {}): Promise<Response> {
  const url = stack.addresses.ohmygptUrls[router] ?? '';
  return await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': keyOf(who), 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      max_tokens: CENT_TOKENS,
      messages: [{ role: 'user', content: 'hello' }],
      ...body,
    }),
  });
}

async function statusOf(who: string, router: number, body: object = {}): Promise<number> {
  const response = await ask(who, router, body);
  await response.arrayBuffer();
  return response.status;
}

interface Pacing {
  /** When each that was served was sent and answered: in between it was admitted. */
  readonly served: readonly { readonly sentMs: number; readonly answeredMs: number }[];
  readonly refused: number;
  /** The longest that was asked for, in seconds. */
  readonly retryAfter: number;
}

/** More than a minute of requests as fast as they are answered, over three routers; it goes on beside the other tests. */
async function pace(forMs: number): Promise<Pacing> {
  const untilMs = performance.now() + forMs;
  const served: { sentMs: number; answeredMs: number }[] = [];
  let refused = 0;
  let retryAfter = 0;
  const worker = async (router: number): Promise<void> => {
    while (performance.now() < untilMs) {
      const sentMs = performance.now();
      const response = await ask('paced', router);
      await response.arrayBuffer();
      if (response.status === 200) {
        served.push({ sentMs, answeredMs: performance.now() });
        continue;
      }
      expect(response.status).toBe(429);
      retryAfter = Math.max(retryAfter, Number(response.headers.get('retry-after')));
      refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await Promise.all([0, 1, 2, 0, 1, 2].map(worker));
  return { served, refused, retryAfter };
}

describe('of a hard budget of a dollar', () => {
  test('a thousand requests of a cent at once over three routers serve exactly a hundred, and after a refill they are served again', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => await statusOf('dollar', index % 3)),
    );
    expect(
      Object.fromEntries(
        Map.groupBy(statuses, String)
          .entries()
          .map(([status, list]) => [status, list.length]),
      ),
    ).toEqual({
      200: 100,
      402: 900,
    });
    const refused = await ask('dollar', 0);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(await refused.text()).toContain('budget');
    await admin.editTenant({
      tenantId: 'dollar',
      actor: 'test',
      limits: [],
      budget: {
        rule: accountsAdminV1.BudgetRule.OWN,
        budget: {
          nanoUsd: 1_050_000_000n,
          period: accountsAdminV1.BudgetPeriod.MONTH,
          days: 0,
          timeZone: 'UTC',
          hard: true,
        },
      },
    });
    await vi.waitFor(
      async () => {
        expect(await statusOf('dollar', 1)).toBe(200);
      },
      { timeout: 3_000, interval: 50 },
    );
    const more = await Promise.all(Array.from({ length: 20 }, async (_, index) => await statusOf('dollar', index % 3)));
    expect(more.filter((status) => status === 200)).toHaveLength(4);
  });

  test('a request that could cost more than is left is told how much it may ask for', async () => {
    const text = await (await ask('idle', 0, { max_tokens: 100 })).text();
    expect(text).toContain('message');
  });
});

test('one parallel request refuses nobody who asks one after the other, over three routers in turn', async () => {
  for (let index = 0; index < 120; index += 1)
    expect(await statusOf('single', index % 3, { stream: index % 2 === 0 }), `request ${index}`).toBe(200);
});

test('who has not asked for a while is not refused, however small the limit', async () => {
  await vi.waitFor(
    async () => {
      expect(await statusOf('idle', 2)).toBe(200);
    },
    { timeout: 70_000, interval: 1_000 },
  );
}, 80_000);

test('a tenant that is suspended is refused by every router at once, and served when it is activated', async () => {
  const everywhere = async (): Promise<readonly number[]> =>
    await Promise.all([0, 1, 2].map(async (router) => await statusOf('closed', router)));
  expect(await everywhere()).toEqual([200, 200, 200]);
  for (const [status, expected] of [
    [accountsAdminV1.TenantStatus.SUSPENDED, 403],
    [accountsAdminV1.TenantStatus.ACTIVE, 200],
  ] as const) {
    await admin.editTenant({ tenantId: 'closed', actor: 'test', limits: [], status });
    await vi.waitFor(
      async () => {
        expect(await everywhere()).toEqual([expected, expected, expected]);
      },
      // a third of a second on a quiet machine
      { timeout: 5_000, interval: 20 },
    );
  }
});

test('what a killed router held of an account is back within its ttl', async () => {
  await fake.clearFaults();
  await fake.setFault({ match: { stream: true }, answer: { tokens: { output: 40 }, deltas: 40, paceMs: 250 } });
  const body = { stream: true, max_tokens: 40 };
  const responses = await Promise.all([3, 3, 3, 3].map(async (router) => await ask('killed', router, body)));
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const killedMs = performance.now();
  await stack.kill('router-ohmygpt-4');
  await Promise.allSettled(responses.map(async (response) => await response.arrayBuffer()));
  const six = async (): Promise<readonly number[]> => {
    const all = await Promise.all([1, 2, 1, 2, 1, 2].map(async (router) => await ask('killed', router, body)));
    await Promise.all(all.map(async (response) => await response.body?.cancel()));
    return all.map(({ status }) => status);
  };
  // two are left beside the four that nobody has heard the end of
  expect((await six()).filter((status) => status === 200)).toHaveLength(2);
  await vi.waitFor(
    async () => {
      expect(await six()).toEqual([200, 200, 200, 200, 200, 200]);
    },
    { timeout: 25_000, interval: 200 },
  );
  expect(performance.now() - killedMs).toBeLessThan(18_000);
}, 60_000);

test('a hundred requests a minute are never passed in any minute, and all that may be had is served', async () => {
  const { served, refused, retryAfter } = await pacing;
  expect(refused).toBeGreaterThan(100);
  expect(retryAfter).toBeGreaterThan(0);
  expect(retryAfter).toBeLessThanOrEqual(60);
  const within = served.map(
    ({ sentMs: fromMs }) =>
      served.filter(({ sentMs, answeredMs }) => sentMs >= fromMs && answeredMs < fromMs + 60_000).length,
  );
  expect(Math.max(...within)).toBeLessThanOrEqual(RPM);
  expect(served.length).toBeGreaterThan(RPM);
}, 100_000);

test('the books of both ledgers agree, and what routers have of each account is right: omg reconcile', async () => {
  const { code, stdout, stderr } = await runOmg(stack, 'reconcile --json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const said = jsonLines(stdout);
  expect(said).not.toContainEqual(expect.objectContaining({ type: 'note' }));
  expect(said).toContainEqual(expect.objectContaining({ type: 'result', check: 'outstanding', differences: 0 }));
});
