import { clientKeyDigest } from '@omg/client-key';
import { partitionOf } from '@omg/messaging';
import { accountsAdminV1 } from '@omg/proto-gen';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  EPOCHS,
  chargeRandomly,
  named,
  projected,
  randomEvents,
  reconcile,
  startAudit,
  type AuditWorld,
} from './audit-world.ts';
import { snapshotOf, startAllowanceRouter } from './allowance-router.ts';
import { CLIENT_KEY, expectedCost, makeEvent, publish, settled } from './ledger.ts';

// everything is looked through, many times
vi.setConfig({ testTimeout: 60_000 });

let running: AuditWorld;
beforeAll(async () => {
  running = await startAudit();
  await chargeRandomly(running, 1_000);
  for (const [kind, purse, nanoUsd] of [
    [accountsAdminV1.CreditKind.TOP_UP, accountsAdminV1.Purse.UNSPECIFIED, 5_000_000_000_000n],
    [accountsAdminV1.CreditKind.GRANT, accountsAdminV1.Purse.UNSPECIFIED, 1_000_000_001n],
    [accountsAdminV1.CreditKind.ADJUST, accountsAdminV1.Purse.REF_CREDITS, -7n],
  ] as const)
    await running.admin.admin.addCredit({
      tenantId: 't1',
      kind,
      purse,
      nanoUsd,
      reason: 'test',
      actor: '',
      entryId: '',
    });
}, 60_000);
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

/** What these tests read of documents, whatever they are. */
interface Stored {
  readonly _id: string;
  readonly epoch: string;
  readonly partition: number;
  readonly number: bigint;
  readonly entryId: string;
  readonly costNanoUsd: bigint;
  readonly createdAt: Date;
  readonly upTo: bigint;
  readonly spentBy: Readonly<Record<string, bigint>>;
  readonly start: Date;
  readonly total: unknown;
}

const collection = (name: string) => running.admin.world.db.collection<Stored>(name);
const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
const ROUTERS_MARK = { _id: { $in: EPOCHS.map((epoch) => `${epoch}/${partitionOf('t1')}`) } };

test('after random charging, with redelivery, everything agrees, and something of everything was checked', async () => {
  const report = await reconcile(running);
  expect(named(report)).toEqual([]);
  const checked = (check: string): number => Number(report.results.get(check)?.checked ?? 0n);
  expect(checked('balances')).toBe(5);
  expect(checked('revenue')).toBe(8);
  expect(checked('entries')).toBe(await collection('entries').countDocuments());
  expect(checked('costs')).toBe(1_000);
  expect(checked('numbers')).toBeGreaterThan(600);
  expect(checked('budgets')).toBeGreaterThanOrEqual(3);
  expect(checked('rollups')).toBeGreaterThan(200);
  expect([...report.results.values()].map(({ unknowable }) => unknowable)).toEqual(Array.from({ length: 9 }, () => 0n));
});

describe('what is changed by hand is named:', () => {
  /** Changes a document, lets reconcile look, and changes it back. */
  async function differencesAfter(
    name: string,
    filter: Document,
    change: (document: Stored) => Promise<unknown>,
  ): Promise<{ readonly names: readonly string[]; readonly document: Stored }> {
    const document = (await collection(name).findOne(filter, { sort: { _id: -1 } })) ?? expect.fail(`none of ${name}`);
    try {
      await change(document);
      return { names: named(await reconcile(running)), document };
    } finally {
      await collection(name).replaceOne({ _id: document._id }, document, { upsert: true });
    }
  }
  const increase = (name: string, field: string) => async (document: { _id: string }) =>
    await collection(name).updateOne({ _id: document._id }, { $inc: { [field]: 1n } });
  const remove = (name: string) => async (document: { _id: string }) =>
    await collection(name).deleteOne({ _id: document._id });

  test('a balance', async () => {
    const { names } = await differencesAfter('tenants', { _id: 't2' }, increase('tenants', 'spentNanoUsd'));
    expect(names).toEqual(['balances: tenant t2: spent', expect.stringMatching(/^revenue: partition \d: revenue$/)]);
  });

  test.each(['creditsNanoUsd', 'refCreditsNanoUsd'])('%s of a purse', async (field) => {
    const { names } = await differencesAfter('tenants', { _id: 't1' }, increase('tenants', field));
    expect(names).toEqual([`balances: tenant t1: ${field.replace('NanoUsd', '')}`]);
  });

  test('a tenant that is gone', async () => {
    const { names } = await differencesAfter('tenants', { _id: 't3' }, remove('tenants'));
    expect(names).toEqual(['balances: tenant t3: tenant', expect.stringContaining('revenue')]);
  });

  test('a line of credits that is gone', async () => {
    const { names } = await differencesAfter('credit_entries', { kind: 'grant' }, remove('credit_entries'));
    expect(names).toEqual(['balances: tenant t1: refCredits']);
  });

  test('an entry that is gone', async () => {
    const { names, document } = await differencesAfter('entries', { tenantId: 't1' }, remove('entries'));
    expect(names).toEqual([
      'balances: tenant t1: spent',
      `entries: entry ${document._id}: entry`,
      expect.stringContaining('revenue'),
    ]);
  });

  test('an entry of another partition', async () => {
    const { names, document } = await differencesAfter(
      'entries',
      { tenantId: 't1', nanoUsd: { $gt: 0 } },
      async ({ _id }) =>
        await collection('entries').updateOne({ _id }, [
          { $set: { partition: { $mod: [{ $add: ['$partition', 1] }, 8] } } },
        ]),
    );
    expect(names).toEqual([
      `entries: entry ${document._id}: partition`,
      expect.stringContaining('revenue'),
      expect.stringContaining('revenue'),
    ]);
  });

  test("a log's cost, and with it the entry and the rollups that it is part of", async () => {
    const { names, document } = await differencesAfter(
      'request_logs',
      { tenantId: 't1' },
      increase('request_logs', 'costNanoUsd'),
    );
    expect(names.slice(0, 2)).toEqual([
      `costs: request ${document._id}: cost`,
      `entries: entry ${document.entryId}: amount`,
    ]);
    const day = dayOf(document.createdAt);
    expect(names.slice(2)).toHaveLength(10);
    for (const name of names.slice(2)) expect(name).toMatch(new RegExp(`^rollups: rollup [\\w-]+/${day}.*: cost`));
  });

  test.each([
    ['creditsCost', 'creditsCost'],
    ['tokensUsed', 'tokensUsed'],
  ])("a log's %s, for readers of other systems", async (field, what) => {
    const { names, document } = await differencesAfter(
      'request_logs',
      { tenantId: 't1' },
      increase('request_logs', field),
    );
    expect(names).toEqual([`costs: request ${document._id}: ${what}`]);
  });

  test("a log's price", async () => {
    const { names, document } = await differencesAfter(
      'request_logs',
      { tenantId: 't1' },
      async ({ _id }) =>
        await collection('request_logs').updateOne({ _id }, { $set: { priceVersion: 'ohmygpt/model-a@99' } }),
    );
    const day = dayOf(document.createdAt);
    expect(names).toEqual([`costs: request ${document._id}: price`, `rollups: rollups of ${day}: list cost`]);
  });

  test('a log that is gone: its entry, its number, its rollups', async () => {
    const { names, document } = await differencesAfter(
      'request_logs',
      { tenantId: 't1', costNanoUsd: { $gt: 0 }, $expr: { $ne: ['$_id', '$entryId'] } },
      remove('request_logs'),
    );
    const { epoch, partition, number } = document;
    expect(names.filter((name) => !name.startsWith('rollups'))).toEqual([
      `entries: entry ${document.entryId}: amount`,
      `entries: entry ${document.entryId}: requests`,
      `numbers: events of ${epoch}, partition ${partition}: numbers ${number}`,
    ]);
    expect(names.filter((name) => name.startsWith('rollups')).length).toBeGreaterThanOrEqual(10);
  });

  test('a number that two requests have', async () => {
    const other = (await collection('request_logs').findOne({ tenantId: 't1' }, { sort: { _id: 1 } })) ?? expect.fail();
    const { names } = await differencesAfter(
      'request_logs',
      { tenantId: 't1', epoch: other.epoch, _id: { $ne: other._id } },
      async ({ _id }) => await collection('request_logs').updateOne({ _id }, { $set: { number: other.number } }),
    );
    expect(names).toEqual([
      expect.stringMatching(/^numbers: events of .*: number \d+$/),
      expect.stringMatching(/^numbers: events of .*: numbers \d+$/),
    ]);
  });

  test('a mark with a gap before numbers that stand alone', async () => {
    const { names, document } = await differencesAfter('event_marks', ROUTERS_MARK, async ({ _id, ...mark }) => {
      const upTo = mark.upTo;
      const ahead = [{ first: upTo + 3n, last: upTo + 3n }];
      return await collection('event_marks').updateOne({ _id }, { $set: { ahead } });
    });
    const [upTo, name] = [document.upTo, document._id.replace('/', ', partition ')];
    expect(names).toEqual([`numbers: events of ${name}: numbers ${upTo + 1n}..${upTo + 2n}`]);
  });

  test('a mark that is behind its logs, and one that is ahead of them', async () => {
    const behind = await differencesAfter(
      'event_marks',
      ROUTERS_MARK,
      async ({ _id }) => await collection('event_marks').updateOne({ _id }, { $inc: { upTo: -2n } }),
    );
    expect(behind.names).toHaveLength(1);
    expect(behind.names[0]).toMatch(/^numbers: .*: numbers \d+\.\.\d+$/);
    const ahead = await differencesAfter('event_marks', ROUTERS_MARK, increase('event_marks', 'upTo'));
    expect(ahead.names).toHaveLength(1);
    expect(ahead.names[0]).toMatch(/^numbers: .*: numbers \d+$/);
  });

  test.each([
    ['tenants', 'demo', 'tenant demo'],
    ['client_keys', 'demo-key', 'client key demo-key'],
  ])('what an account of %s has spent of its budget', async (name, id, subject) => {
    const { names, document } = await differencesAfter(
      name,
      { _id: id },
      async ({ _id, ...account }) =>
        await collection(name).updateOne({ _id }, { $inc: { [`spentBy.${Object.keys(account.spentBy)[0]}`]: 1n } }),
    );
    expect(names).toEqual([`budgets: ${subject}: spent of ${Object.keys(document.spentBy)[0]}`]);
    const forgotten = await differencesAfter(
      name,
      { _id: id },
      async ({ _id }) => await collection(name).updateOne({ _id }, { $unset: { spentBy: 1 } }),
    );
    expect(forgotten.names).toEqual(
      Object.keys(document.spentBy)
        .map((bucket) => `budgets: ${subject}: spent of ${bucket}`)
        .toSorted(),
    );
  });

  test.each([
    ['day', 2],
    ['month', 2],
    ['year', 1],
  ])('a rollup of a %s, and the row above it that its total is a cell of', async (unit, count) => {
    const { names, document } = await differencesAfter(
      'rollups',
      { unit, cube: 'tenant', tenantId: 't1' },
      increase('rollups', 'total.cost'),
    );
    expect(names).toContain(`rollups: rollup ${document._id}: cost`);
    expect(names).toHaveLength(count);
  });

  test('a rollup that is gone, and one too many', async () => {
    const gone = await differencesAfter('rollups', { unit: 'day', cube: 'key' }, remove('rollups'));
    expect(gone.names).toContain(`rollups: rollup ${gone.document._id}: figures`);
    const one = (await collection('rollups').findOne({ unit: 'day', cube: 'site' })) ?? expect.fail();
    const extra = { ...one, _id: `${one._id}x`, site: 'ohmygptx' };
    await collection('rollups').insertOne(extra);
    try {
      const day = dayOf(one.start);
      expect(named(await reconcile(running))).toEqual([
        `rollups: rollup ${extra._id.replace(day, day.slice(0, 7))}: figures`,
        `rollups: rollups site of ${day}: rows of figures`,
      ]);
    } finally {
      await collection('rollups').deleteOne({ _id: extra._id });
    }
  });

  test.each([
    ['rollups', 'month', 'figures', 2],
    ['rollups', 'year', 'figures', 1],
    ['rollup_timings', 'year', 'timings', 1],
  ])('of %s one of a %s that is gone', async (name, unit, what, count) => {
    const { names, document } = await differencesAfter(name, { unit, cube: 'tenant' }, remove(name));
    expect(names).toContain(`rollups: rollup ${document._id}: ${what}`);
    expect(names).toHaveLength(count);
  });

  test('a histogram that is not that of its requests', async () => {
    const { names, document } = await differencesAfter(
      'rollup_timings',
      { unit: 'day', cube: 'model' },
      async ({ _id }) => {
        const other = await collection('rollup_timings').findOne({ unit: 'year', cube: 'model' });
        return await collection('rollup_timings').updateOne({ _id }, { $set: { total: other?.total } });
      },
    );
    expect(names.length).toBeGreaterThan(0);
    expect(names[0]).toContain(`rollups: rollup ${document._id}: latency`);
  });

  test('nothing, when everything is as it was', async () => {
    expect(named(await reconcile(running))).toEqual([]);
  });
});

describe('an event that was not charged', () => {
  test('is named with its reason and counted; its number is not missed, but must not be that of another request', async () => {
    const { world } = running.admin;
    const [epoch, tenantId] = [EPOCHS[0] ?? '', 't2'];
    publish(world, [
      makeEvent({ epoch, tenantId }),
      makeEvent({ epoch, tenantId, model: 'model-z' }),
      makeEvent({ epoch, tenantId }),
    ]);
    await settled(world);
    await projected(world.db);
    const report = await reconcile(running);
    expect(named(report)).toEqual([]);
    expect(report.notes).toEqual(['1 not charged: there is no price for model-z on ohmygpt']);
    expect(report.results.get('dead-letters')).toMatchObject({ checked: 1n, differences: 0n });
    const letter = (await collection('dead_letters').findOne()) ?? expect.fail();
    await collection('dead_letters').deleteOne({ _id: letter._id });
    const [hole] = (await reconcile(running, { checks: ['numbers'] })).differences;
    await collection('dead_letters').insertOne(letter);
    expect(hole?.subject).toBe(`events of ${epoch}, partition ${partitionOf(tenantId)}`);
    const number = hole?.what.split(' ')[1] ?? '';
    const log = (await collection('request_logs').findOne({ epoch, tenantId })) ?? expect.fail();
    await collection('request_logs').updateOne({ _id: log._id }, { $set: { number: BigInt(number) } });
    const { differences } = await reconcile(running, { checks: ['numbers'] });
    await collection('request_logs').replaceOne({ _id: log._id }, log);
    expect(differences.map(({ what, found }) => `${what}: ${found}`)).toEqual([
      `numbers ${log.number}: not there`,
      `number ${number}: the dead letter ${letter._id} too`,
    ]);
  });
});

test('what routers hold of the accounts is counted, and nothing is below 0 or with the dead', async () => {
  const { world, ledger } = running.admin;
  const { scopes } = await snapshotOf(ledger, clientKeyDigest(CLIENT_KEY));
  const asked = { tenantId: 'demo', clientKeyId: 'demo-key', nanoUsd: 10_000_000 };
  const partition = partitionOf(asked.tenantId);
  await using living = await startAllowanceRouter(world, {
    ledger: () => ledger,
    partition,
    scopes,
    costOf: expectedCost,
  });
  await using dying = await startAllowanceRouter(world, {
    ledger: () => ledger,
    partition,
    scopes,
    costOf: expectedCost,
  });
  await Promise.all([living.admit(asked), dying.admit(asked)]);
  dying.kill();
  const { results, differences, notes } = await reconcile(running, { checks: ['outstanding'] });
  expect(differences).toEqual([]);
  expect(notes).toEqual([]);
  // of each of the account's scopes at least one has something
  expect(Number(results.get('outstanding')?.checked)).toBeGreaterThanOrEqual(scopes.length);
});

test('only the checks that are asked for are done, and what is no check is refused with those there are', async () => {
  const report = await reconcile(running, { checks: ['costs', 'outstanding'] });
  expect([...report.results.keys()]).toEqual(['costs', 'outstanding']);
  expect(report.results.get('outstanding')).toMatchObject({ differences: 0n });
  await expect(reconcile(running, { checks: ['cost'] })).rejects.toThrow('there are balances, revenue');
});

test('all differences are counted, and as many told as were asked for', async () => {
  await collection('request_logs').updateMany({}, { $inc: { tokensUsed: 1 } });
  const report = await reconcile(running, { checks: ['costs'], limit: 3 });
  await collection('request_logs').updateMany({}, { $inc: { tokensUsed: -1 } });
  expect(report.differences).toHaveLength(3);
  expect(report.results.get('costs')?.differences).toBe(BigInt(await collection('request_logs').countDocuments()));
});

test('who may not administer may not look through the books', async () => {
  const { admin } = running;
  await using other = await startAudit({ environment: { SERVICE_GRANTS: 'router=router' } });
  await expect(reconcile(other)).rejects.toMatchObject({ code: 'permission_denied' });
  await expect(other.letters.getDeadLetter({ id: 'x' })).rejects.toMatchObject({ code: 'permission_denied' });
  expect(admin).toBeDefined();
});

describe('while charging goes on', () => {
  test('no difference is seen that there is not', async () => {
    const { admin } = running;
    const stop = new AbortController();
    const charging = (async () => {
      while (!stop.signal.aborted) {
        publish(admin.world, randomEvents(100));
        await settled(admin.world, 20_000);
      }
    })();
    const before = await collection('request_logs').countDocuments();
    for (let round = 0; round < 4; round += 1) expect(named(await reconcile(running))).toEqual([]);
    stop.abort();
    await charging;
    expect(await collection('request_logs').countDocuments()).toBeGreaterThan(before + 200);
    await projected(admin.world.db);
    expect(named(await reconcile(running))).toEqual([]);
  }, 120_000);
});

describe('of what the retention has taken', () => {
  test('nothing is said but how much it is, and what is there is still checked', async () => {
    const long = new Date(Date.now() - 80 * 86_400_000);
    const epoch = 'an-old-epoch';
    const { world } = running.admin;
    publish(
      world,
      Array.from({ length: 10 }, () => makeEvent({ tenantId: 't1', epoch, acceptedAt: new Date() })),
    );
    await settled(world);
    await projected(world.db);
    const logs = await collection('request_logs')
      .find({ epoch }, { sort: { number: 1 } })
      .toArray();
    // as if it had been long ago, and four of them were forgotten by now
    const [entryIds, gone] = [[...new Set(logs.map((log) => log.entryId))], logs.slice(0, 4)];
    await collection('entries').updateMany({ _id: { $in: entryIds } }, { $set: { at: long } });
    await collection('request_logs').updateMany({ epoch }, { $set: { chargedAt: long } });
    await collection('request_logs').deleteMany({ _id: { $in: gone.map(({ _id }) => _id) } });
    const report = await reconcile(running, { checks: ['entries', 'numbers', 'balances'] });
    expect(named(report)).toEqual([]);
    expect(report.results.get('numbers')?.unknowable).toBe(10n);
    expect(Number(report.results.get('entries')?.unknowable)).toBeGreaterThan(0);
    await collection('request_logs').insertMany(gone);
    await collection('request_logs').updateOne({ _id: String(logs[9]?._id) }, { $inc: { costNanoUsd: 1n } });
    expect(named(await reconcile(running, { checks: ['entries'] }))).toEqual([
      `entries: entry ${logs[9]?.['entryId']}: amount`,
    ]);
  });
});
