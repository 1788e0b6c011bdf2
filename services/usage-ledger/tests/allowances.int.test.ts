import { clientKeyDigest, makeClientKey } from '@omg/client-key';
import { partitionOf } from '@omg/messaging';
import { createGrpcClient } from '@omg/grpc';
import { Secret } from '@omg/config';
import { accountsAdminV1 } from '@omg/proto-gen';
import type { Admission } from '@omg/quota';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { snapshotOf, startAllowanceRouter, type AllowanceRouter, type Asked } from './allowance-router.ts';
import { expectedCost, makeWorld, settled, type Ledger, type World } from './ledger.ts';

const ADMIN = 'a-token-of-the-operator';
const KEY = makeClientKey();
const MANY = { parallel: 10_000, requestsPerMinute: 10_000 };
const USD = 1_000_000_000;
const ASKED: Asked = { tenantId: 'acme', clientKeyId: 'ci', nanoUsd: 0.01 * USD };
/** What costs a cent less what is rounded: output alone at 16.50 USD a million, times 1.05. */
const TOKENS = { input: 0n, output: 577n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };
const COST = expectedCost(TOKENS);

let world: World;
let ledger: Ledger;
const routers: AllowanceRouter[] = [];

/** A ledger with one tenant, whose terms are these. */
async function start(terms: object, key: object = {}): Promise<void> {
  const file = join(world.directory, 'accounts.json');
  await writeFile(
    file,
    JSON.stringify({
      tenants: [
        { id: 'acme', name: 'Acme', creditsUsd: '1', ...terms, keys: [{ id: 'ci', name: 'ci', key: KEY, ...key }] },
      ],
    }),
  );
  ledger = await world.start({
    environment: { BOOTSTRAP_FILE: file, SERVICE_TOKENS: `router=a-token-of-the-router,operator=${ADMIN}` },
  });
}

async function join3(count = 3): Promise<readonly AllowanceRouter[]> {
  const { scopes } = await snapshotOf(ledger, clientKeyDigest(KEY));
  const partition = partitionOf('acme');
  for (let index = 0; index < count; index += 1)
    routers.push(await startAllowanceRouter(world, { ledger: () => ledger, partition, scopes, costOf: expectedCost }));
  return routers;
}

const admin = () =>
  createGrpcClient(accountsAdminV1.AccountsAdminService, {
    address: `127.0.0.1:${ledger.service.grpcPort}`,
    token: new Secret(ADMIN),
    deadlineMs: 5_000,
    telemetry: ledger.service.process.telemetry,
  });

beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  for (const router of routers.splice(0)) await router[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const isRunning = (admission: Admission | undefined): boolean => admission?.state === 'running';

async function spentBy(collection: string, id: string): Promise<Readonly<Record<string, bigint>>> {
  const document = await world.db
    .collection<{ _id: string; spentBy?: Record<string, bigint> }>(collection)
    .findOne({ _id: id });
  return document?.spentBy ?? {};
}

const thisMonth = `month/UTC/${new Date().toISOString().slice(0, 7)}-01`;

describe('money', () => {
  test('a hard budget of a dollar serves a hundred requests of a cent of a thousand at once, and more after it was raised', async () => {
    await start({ creditsUsd: '100', limits: MANY, budget: { usd: 1, period: 'month', hard: true } }, { limits: MANY });
    const all = await join3();
    const asked = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => await all[index % 3]?.admit(ASKED)),
    );
    expect(asked.filter(isRunning)).toHaveLength(100);
    const denials = new Set(asked.flatMap((admission) => admission?.denial?.scope ?? []));
    expect([...denials]).toEqual([`budget|tenant|acme|${thisMonth}`]);
    using client = admin();
    await client.editTenant({
      tenantId: 'acme',
      actor: 'test',
      limits: [],
      budget: {
        rule: accountsAdminV1.BudgetRule.OWN,
        budget: {
          nanoUsd: 2n * BigInt(USD),
          period: accountsAdminV1.BudgetPeriod.MONTH,
          days: 0,
          timeZone: 'UTC',
          hard: true,
        },
      },
    });
    await vi.waitFor(async () => {
      expect(isRunning(await all[0]?.admit(ASKED))).toBe(true);
    });
  });

  test('what was charged is spent of tenant and key in the window of the request, and nothing stays reserved', async () => {
    await start({ budget: { usd: 5, period: 'month' } }, { budget: { usd: 3, rollingDays: 7 } });
    const [router] = await join3(1);
    if (router === undefined) throw new Error('no router');
    for (let index = 0; index < 5; index += 1) {
      const admission = await router.admit(ASKED);
      expect(isRunning(admission)).toBe(true);
      router.settle(admission, ASKED, TOKENS);
    }
    await settled(world);
    const cost = 5n * COST;
    const day = new Date().toISOString().slice(0, 10);
    expect(await spentBy('tenants', 'acme')).toEqual({ [thisMonth]: cost });
    expect(await spentBy('client_keys', 'ci')).toEqual({ [`rolling-7/UTC/${day}`]: cost });
    const log = await world.db.collection('request_logs').findOne({ tenantId: 'acme' });
    expect(log).toMatchObject({ budgets: [`key|rolling-7/UTC/${day}`, `tenant|${thisMonth}`], creditType: 'credits' });
    // the balance, less what was spent, can be reserved to the last nano-dollar, and not one more
    const left = USD - Number(cost);
    await vi.waitFor(async () => {
      expect(isRunning(await router.admit({ ...ASKED, nanoUsd: left }))).toBe(true);
    });
    expect((await router.admit({ ...ASKED, nanoUsd: 1 })).denial).toMatchObject({
      reason: 'limit',
      scope: 'credit|tenant|acme',
    });
  });

  test('what no budget counts any more is forgotten when the account is read', async () => {
    await start({});
    const old = Object.fromEntries(
      Array.from({ length: 12 }, (_, month) => [`month/UTC/2020-${String(month + 1).padStart(2, '0')}-01`, 1n]),
    );
    await world.db
      .collection<{ _id: string }>('tenants')
      .updateOne({ _id: 'acme' }, { $set: { spentBy: { ...old, [thisMonth]: 5n } } });
    const [router] = await join3(1);
    expect(isRunning(await router?.admit(ASKED))).toBe(true);
    expect(await spentBy('tenants', 'acme')).toEqual({ [thisMonth]: 5n });
  });

  test('credits let one request in by its typical cost, and the next when that is charged', async () => {
    await start({ creditsUsd: '0.02', budget: 'none' });
    const [router] = await join3(1);
    if (router === undefined) throw new Error('no router');
    const asked = { ...ASKED, nanoUsd: 5 * USD, typicalNanoUsd: 0.015 * USD };
    const first = await router.admit(asked);
    expect(isRunning(first)).toBe(true);
    expect((await router.admit(asked)).denial).toMatchObject({ reason: 'limit', dimension: 'nanoUsd' });
    router.settle(first, asked, { ...TOKENS, output: 100n });
    await vi.waitFor(async () => {
      expect(isRunning(await router.admit(asked))).toBe(true);
    });
  });

  test('a top-up is there at once', async () => {
    await start({ creditsUsd: '0.001', budget: 'none' });
    const [router] = await join3(1);
    expect((await router?.admit(ASKED))?.state).toBe('denied');
    using client = admin();
    await client.addCredit({
      tenantId: 'acme',
      kind: accountsAdminV1.CreditKind.TOP_UP,
      purse: accountsAdminV1.Purse.UNSPECIFIED,
      nanoUsd: BigInt(USD),
      reason: 'test',
      actor: 'test',
      entryId: '',
    });
    await vi.waitFor(
      async () => {
        expect(isRunning(await router?.admit(ASKED))).toBe(true);
      },
      { timeout: 5_000 },
    );
  });

  test('of what is not in the partition, or does not exist, nobody gets anything', async () => {
    await start({});
    const [router] = await join3(1);
    const admission = await router?.link.admit([{ scope: 'credit|tenant|nobody', need: { nanoUsd: 1 } }]);
    expect(admission?.denial).toMatchObject({ reason: 'limit', affordable: 0 });
    const other = ['t1', 't2', 't3', 'demo', 'other'].find((id) => partitionOf(id) !== partitionOf('acme')) ?? '';
    await world.db
      .collection<{ _id: string }>('tenants')
      .insertOne({ ...(await world.db.collection<{ _id: string }>('tenants').findOne({ _id: 'acme' })), _id: other });
    const foreign = await router?.link.admit([{ scope: `credit|tenant|${other}`, need: { nanoUsd: 1 } }]);
    expect(foreign?.state).toBe('denied');
  });
});

describe('rates', () => {
  test('one parallel request on three routers never refuses who asks one after the other', async () => {
    await start({ budget: 'none' }, { limits: { parallel: 1 } });
    const all = await join3();
    for (let index = 0; index < 90; index += 1) {
      const router = all[index % 3];
      const admission = await router?.admit({ ...ASKED, nanoUsd: 0 });
      expect(isRunning(admission), `request ${index}`).toBe(true);
      if (admission !== undefined) router?.settle(admission, ASKED, { ...TOKENS, output: 0n });
    }
  });

  test('two at once are one too many, and the refusal says what it lacked', async () => {
    await start({ budget: 'none' }, { limits: { parallel: 1 } });
    const all = await join3();
    const asked = await Promise.all(all.map(async (router) => await router.admit(ASKED)));
    expect(asked.filter(isRunning)).toHaveLength(1);
    expect(asked.find((admission) => !isRunning(admission))?.denial).toMatchObject({
      scope: 'rate|key|ci|ohmygpt',
      dimension: 'slots',
    });
  });
});

describe('another owner', () => {
  test('hears from the routers what they hold, and of a hard dollar a hundred cents are served in all', async () => {
    await start({ creditsUsd: '100', limits: MANY, budget: { usd: 1, period: 'month', hard: true } }, { limits: MANY });
    const all = await join3();
    const ask = async (count: number): Promise<readonly (Admission | undefined)[]> =>
      await Promise.all(Array.from({ length: count }, async (_, index) => await all[index % 3]?.admit(ASKED)));
    const first = (await ask(30)).filter(isRunning);
    expect(first).toHaveLength(30);
    for (const [index, admission] of first.slice(0, 10).entries())
      if (admission !== undefined) all[index % 3]?.settle(admission, ASKED, TOKENS);
    await ledger[Symbol.asyncDispose]();
    ledger = await world.start();
    await vi.waitFor(() => {
      expect(all.every(({ link }) => link.isLive)).toBe(true);
    });
    // ten were a little cheaper than a cent, which is not enough for another one
    expect((await ask(1_000)).filter(isRunning)).toHaveLength(70);
  });
});
