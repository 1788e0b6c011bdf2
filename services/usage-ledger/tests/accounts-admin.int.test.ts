import { setTimeout as sleep } from 'node:timers/promises';
import { clientKeyDigest, isClientKey } from '@omg/client-key';
import { Secret } from '@omg/config';
import { OmgError } from '@omg/errors';
import { createGrpcClient } from '@omg/grpc';
import { accountsAdminV1, accountsV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOTHING_ELSE, TOKENS, startAdmin, type AdminClient, type AdminWorld } from './accounts-admin.ts';

const { BudgetPeriod, BudgetRule, ClientKeyOperation, ClientKeyStatus, CreditKind, Purse, TenantStatus, TenantType } =
  accountsAdminV1;

let now = new Date('2026-11-21T12:00:00Z');
const logged: string[] = [];
let running: AdminWorld;
let admin: AdminClient;
beforeAll(async () => {
  running = await startAdmin({
    environment: { LOG_LEVEL: 'debug' },
    overrides: { clock: { now: () => now }, logDestination: { write: (line) => logged.push(line) } },
  });
  admin = running.admin;
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const actor = 'alice';
let count = 0;

async function newTenant(): Promise<string> {
  count += 1;
  const tenantId = `tenant-${count}`;
  await admin.createTenant({ tenantId, name: `Tenant ${count}`, type: TenantType.PERSONAL, actor });
  return tenantId;
}

async function newKey(tenantId: string, fields: Partial<accountsAdminV1.ClientKeyFields> = {}) {
  const { key, secret } = await admin.createClientKey({
    tenantId,
    clientKeyId: '',
    fields: { ...NOTHING_ELSE, name: 'a key', ...fields },
    actor,
  });
  if (key === undefined) throw new Error('there is no key in the answer');
  return { ...key, secret };
}

const resolve = async (secret: string) =>
  (await running.ledger.accounts.resolveKey({ digest: clientKeyDigest(secret), site: 'ohmygpt' })).account;

const tenantOf = async (tenantId: string) => (await admin.getTenant({ tenantId })).tenant;
const changesOf = async (tenantId: string, clientKeyId = '') =>
  (await admin.listAccountHistory({ tenantId, clientKeyId, pageSize: 0, pageToken: '' })).changes;

const editTenant = async (tenantId: string, change: Partial<accountsAdminV1.EditTenantRequest>) =>
  (await admin.editTenant({ tenantId, limits: [], actor, ...change })).tenant;
const editKey = async (clientKeyId: string, fields: Partial<accountsAdminV1.ClientKeyFields>) =>
  (await admin.editClientKey({ clientKeyId, fields: { ...NOTHING_ELSE, ...fields }, actor })).key;
const operate = async (clientKeyId: string, operation: accountsAdminV1.ClientKeyOperation) =>
  (await admin.operateClientKey({ clientKeyId, operation, actor })).key;

describe('tenants', () => {
  test('are made once, with the defaults and no money', async () => {
    const tenantId = await newTenant();
    expect(await tenantOf(tenantId)).toEqual({
      tenantId,
      name: `Tenant ${count}`,
      type: TenantType.PERSONAL,
      status: TenantStatus.ACTIVE,
      version: 1n,
      creditsNanoUsd: 0n,
      refCreditsNanoUsd: 0n,
      spentNanoUsd: 0n,
      balanceNanoUsd: 0n,
      limits: [],
      effectiveLimits: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 100 },
      budget: {
        rule: BudgetRule.DEFAULT,
        budget: {
          nanoUsd: 100_000_000_000n,
          period: BudgetPeriod.MONTH,
          days: 0,
          timeZone: 'UTC',
          warnAt: 0.8,
          hard: false,
        },
        spentNanoUsd: 0n,
        // one request of the dearest kind, and the offline grant of a dollar: 2.4948 and 1
        mayPassByNanoUsd: 3_494_800_000n,
        windowId: 'month/UTC/2026-11-01',
        windowStartsAt: new Date('2026-11-01T00:00:00Z'),
        windowEndsAt: new Date('2026-12-01T00:00:00Z'),
      },
      createdAt: now,
    });
    await expect(
      admin.createTenant({ tenantId, name: 'again', type: TenantType.PERSONAL, actor }),
    ).rejects.toMatchObject({ code: 'already_exists' });
  });

  test('of one id that are made at once are one', async () => {
    const make = async () =>
      await admin.createTenant({ tenantId: 'at-once', name: 'x', type: TenantType.PERSONAL, actor });
    const results = await Promise.allSettled([make(), make(), make(), make()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_exists' });
    }
    expect(await changesOf('at-once')).toHaveLength(1);
  });

  test('are listed by id in pages, and found by a part of id or name', async () => {
    for (const [tenantId, name] of [
      ['list-b', 'Beta (b)'],
      ['list-a', 'Alpha'],
      ['list-c', 'beta too'],
    ] as const) {
      await admin.createTenant({ tenantId, name, type: TenantType.ORGANIZATION, actor });
    }
    const list = async (change: Partial<accountsAdminV1.ListTenantsRequest>) =>
      await admin.listTenants({
        search: 'list-',
        type: TenantType.UNSPECIFIED,
        status: TenantStatus.UNSPECIFIED,
        pageSize: 2,
        pageToken: '',
        ...change,
      });
    const first = await list({});
    expect(first.tenants.map(({ tenantId }) => tenantId)).toEqual(['list-a', 'list-b']);
    const second = await list({ pageToken: first.nextPageToken });
    expect(second.tenants.map(({ tenantId }) => tenantId)).toEqual(['list-c']);
    expect(second.nextPageToken).toBe('');
    expect((await list({ search: 'BETA' })).tenants.map(({ tenantId }) => tenantId)).toEqual(['list-b', 'list-c']);
    // what people type is no pattern
    expect((await list({ search: '(b)' })).tenants.map(({ tenantId }) => tenantId)).toEqual(['list-b']);
    expect((await list({ search: '.*' })).tenants).toEqual([]);
    expect((await list({ type: TenantType.SERVICE })).tenants).toEqual([]);
    await expect(list({ pageToken: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('that are changed have another version, and it is written down who did it', async () => {
    const tenantId = await newTenant();
    await editTenant(tenantId, { name: 'Renamed', status: TenantStatus.SUSPENDED });
    await editTenant(tenantId, { name: 'Renamed' });
    expect(await tenantOf(tenantId)).toMatchObject({ name: 'Renamed', status: TenantStatus.SUSPENDED });
    expect((await tenantOf(tenantId))?.version).toBeGreaterThan(1n);
    const [edited, created, ...more] = await changesOf(tenantId);
    expect(more).toEqual([]);
    expect(edited).toMatchObject({
      tenantId,
      clientKeyId: '',
      actor: 'operator/alice',
      what: 'tenant_edited',
      fields: [
        { field: 'name', from: `Tenant ${count}`, to: 'Renamed' },
        { field: 'status', from: 'active', to: 'suspended' },
      ],
      at: now,
    });
    expect(created).toMatchObject({ what: 'tenant_created' });
  });

  test('have limits of their own at one site or every site, until they are taken away', async () => {
    const tenantId = await newTenant();
    await editTenant(tenantId, {
      limits: [
        { site: '', requestsPerMinute: 50, parallel: 5 },
        { site: 'ohmygpt', parallel: 1 },
      ],
    });
    expect(await tenantOf(tenantId)).toMatchObject({
      limits: [
        { site: '', requestsPerMinute: 50, parallel: 5 },
        { site: 'ohmygpt', parallel: 1 },
      ],
      effectiveLimits: { requestsPerMinute: 50, tokensPerMinute: 1_000_000, parallel: 5 },
    });
    await editTenant(tenantId, {
      limits: [
        { site: 'ohmygpt', parallel: 0 },
        { site: '', requestsPerMinute: 0 },
      ],
    });
    expect(await tenantOf(tenantId)).toMatchObject({
      limits: [{ site: '', parallel: 5 }],
      effectiveLimits: { requestsPerMinute: 1_000, parallel: 5 },
    });
  });

  test('have a budget of their own, none, or the default', async () => {
    const tenantId = await newTenant();
    const budget = { nanoUsd: 5n, period: BudgetPeriod.ROLLING, days: 7, timeZone: 'Europe/Berlin', hard: true };
    expect(await editTenant(tenantId, { budget: { rule: BudgetRule.OWN, budget } })).toMatchObject({
      budget: {
        rule: BudgetRule.OWN,
        budget: { ...budget, warnAt: 0.8 },
        windowId: 'rolling-7/Europe/Berlin/2026-11-21',
        windowStartsAt: new Date('2026-11-14T23:00:00Z'),
        windowEndsAt: new Date('2026-11-21T23:00:00Z'),
      },
    });
    expect((await editTenant(tenantId, { budget: { rule: BudgetRule.NONE } }))?.budget).toMatchObject({
      rule: BudgetRule.NONE,
      budget: undefined,
      windowId: '',
    });
    expect((await editTenant(tenantId, { budget: { rule: BudgetRule.DEFAULT } }))?.budget).toMatchObject({
      rule: BudgetRule.DEFAULT,
      budget: { nanoUsd: 100_000_000_000n },
    });
  });

  const own = (change: Partial<accountsAdminV1.Budget>): accountsAdminV1.BudgetTerms => ({
    rule: BudgetRule.OWN,
    budget: { nanoUsd: 1n, period: BudgetPeriod.DAY, days: 0, timeZone: '', hard: false, ...change },
  });
  test.each([
    ['nothing', {}],
    ['no name', { name: '' }],
    ['a name that would move the cursor', { name: 'a\u001B[2J' }],
    ['a budget of nothing', { budget: own({ nanoUsd: 0n }) }],
    ['a budget of an unknown zone', { budget: own({ timeZone: 'Mars/Olympus' }) }],
    ['a rolling budget of no days', { budget: own({ period: BudgetPeriod.ROLLING }) }],
    ['a warning at more than everything', { budget: own({ warnAt: 1.1 }) }],
    ['a budget without a period', { budget: own({ period: BudgetPeriod.UNSPECIFIED }) }],
    ['its own budget without one', { budget: { rule: BudgetRule.OWN } }],
    ['a site that is none', { limits: [{ site: 'No Site', parallel: 1 }] }],
  ])('are not changed to %s', async (_, change: Partial<accountsAdminV1.EditTenantRequest>) => {
    const tenantId = await newTenant();
    const before = await tenantOf(tenantId);
    await expect(editTenant(tenantId, change)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await tenantOf(tenantId)).toEqual(before);
  });

  test('that do not exist are not found', async () => {
    for (const ask of [
      async () => await tenantOf('nobody'),
      async () => await editTenant('nobody', { name: 'x' }),
      async () => await newKey('nobody'),
      async () => await changesOf('nobody'),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});

describe('a client key', () => {
  test('is told once and stored as its digest', async () => {
    const tenantId = await newTenant();
    const { secret, ...key } = await newKey(tenantId, {
      name: 'first',
      scopes: { words: ['inference'] },
      allowedModels: { words: ['model-a'] },
      sites: { words: ['ohmygpt'] },
      limits: [{ site: '', parallel: 2 }],
    });
    expect(isClientKey(secret)).toBe(true);
    expect(key).toMatchObject({
      tenantId,
      name: 'first',
      status: ClientKeyStatus.ENABLED,
      usable: true,
      blockedBy: '',
      prefix: secret.slice(0, 11),
      lastFour: secret.slice(-4),
      scopes: ['inference'],
      allowedModels: ['model-a'],
      sites: ['ohmygpt'],
      effectiveLimits: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 2 },
      budget: { rule: BudgetRule.DEFAULT, budget: undefined },
    });
    expect((await admin.getClientKey({ clientKeyId: key.clientKeyId })).key).toEqual(key);
    expect(await resolve(secret)).toMatchObject({
      tenantId,
      clientKeyId: key.clientKeyId,
      status: accountsV1.AccountStatus.ACTIVE,
      keyTerms: { scopes: ['inference'], allowedModels: ['model-a'], sites: ['ohmygpt'] },
    });
  });

  test('has a name of its own, if it is given one', async () => {
    const tenantId = await newTenant();
    const create = async () =>
      await admin.createClientKey({
        tenantId,
        clientKeyId: `of-${tenantId}`,
        fields: { ...NOTHING_ELSE, name: 'n' },
        actor,
      });
    expect((await create()).key?.clientKeyId).toBe(`of-${tenantId}`);
    await expect(create()).rejects.toMatchObject({ code: 'already_exists' });
  });

  test('that is disabled, enabled, suspended with its tenant or expired says so at once', async () => {
    const tenantId = await newTenant();
    const { clientKeyId, secret } = await newKey(tenantId);
    const versions = new Set<bigint | undefined>();
    const status = async () => {
      const account = await resolve(secret);
      versions.add(account?.version);
      return account?.status;
    };
    const { ACTIVE, KEY_DISABLED, TENANT_SUSPENDED, KEY_EXPIRED } = accountsV1.AccountStatus;
    expect(await status()).toBe(ACTIVE);
    expect(await operate(clientKeyId, ClientKeyOperation.DISABLE)).toMatchObject({
      usable: false,
      blockedBy: 'key_disabled',
    });
    expect(await status()).toBe(KEY_DISABLED);
    await operate(clientKeyId, ClientKeyOperation.ENABLE);
    expect(await status()).toBe(ACTIVE);
    await editTenant(tenantId, { status: TenantStatus.SUSPENDED });
    expect(await status()).toBe(TENANT_SUSPENDED);
    await editTenant(tenantId, { status: TenantStatus.ACTIVE });
    await editKey(clientKeyId, { expiresAt: new Date(now.getTime() + 5_000) });
    // routers may not go on by what they were told when the key has expired
    expect(await resolve(secret)).toMatchObject({ status: ACTIVE, ttlMs: 5_000 });
    now = new Date(now.getTime() + 5_000);
    expect(await status()).toBe(KEY_EXPIRED);
    await editKey(clientKeyId, { neverExpires: true });
    expect(await resolve(secret)).toMatchObject({ status: ACTIVE, ttlMs: 30_000 });
    // each time a router asked, something had changed
    expect(versions.size).toBe(5);
  });

  test('that is revoked stays so', async () => {
    const { clientKeyId, secret } = await newKey(await newTenant());
    await operate(clientKeyId, ClientKeyOperation.REVOKE);
    expect((await resolve(secret))?.status).toBe(accountsV1.AccountStatus.KEY_REVOKED);
    for (const change of [
      async () => await operate(clientKeyId, ClientKeyOperation.ENABLE),
      async () => await editKey(clientKeyId, { name: 'other' }),
      async () => await admin.rotateClientKey({ clientKeyId, graceMs: 0n, actor }),
    ]) {
      await expect(change()).rejects.toMatchObject({ code: 'failed_precondition' });
    }
    expect((await resolve(secret))?.status).toBe(accountsV1.AccountStatus.KEY_REVOKED);
  });

  test('that is rotated works with both secrets until the grace is over', async () => {
    const { clientKeyId, secret: first } = await newKey(await newTenant());
    const { secret: second, key } = await admin.rotateClientKey({ clientKeyId, graceMs: 10_000n, actor });
    expect(isClientKey(second)).toBe(true);
    expect(second).not.toBe(first);
    expect(key).toMatchObject({
      lastFour: second.slice(-4),
      earlierSecrets: [{ lastFour: first.slice(-4), endsAt: new Date(now.getTime() + 10_000) }],
    });
    const { ACTIVE, KEY_REVOKED } = accountsV1.AccountStatus;
    expect(await resolve(first)).toMatchObject({ clientKeyId, status: ACTIVE, ttlMs: 10_000 });
    expect(await resolve(second)).toMatchObject({ clientKeyId, status: ACTIVE, ttlMs: 30_000 });
    now = new Date(now.getTime() + 10_000);
    expect(await resolve(first)).toMatchObject({ status: KEY_REVOKED });
    expect(await resolve(second)).toMatchObject({ status: ACTIVE });
    expect((await admin.getClientKey({ clientKeyId })).key?.earlierSecrets).toEqual([]);

    const { secret: third } = await admin.rotateClientKey({ clientKeyId, graceMs: 0n, actor });
    await expect(resolve(second)).rejects.toMatchObject({ code: 'not_found' });
    expect(await resolve(third)).toMatchObject({ status: ACTIVE });
  });

  test.each([
    ['no name', { name: undefined }],
    ['a scope that is none', { scopes: { words: ['everything'] } }],
    ['an end in the past', { expiresAt: new Date(0) }],
    ['an end and none', { expiresAt: new Date('2030-01-01'), neverExpires: true }],
  ])('is not made with %s', async (_, fields) => {
    const tenantId = await newTenant();
    await expect(newKey(tenantId, fields)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await changesOf(tenantId)).toHaveLength(1);
  });

  test('has a history of all this, without secrets', async () => {
    const tenantId = await newTenant();
    const { clientKeyId, secret } = await newKey(tenantId);
    await editKey(clientKeyId, { allowedModels: { words: ['model-a'] } });
    const { secret: second } = await admin.rotateClientKey({ clientKeyId, graceMs: 1_000n, actor: '' });
    await operate(clientKeyId, ClientKeyOperation.REVOKE);
    const changes = await changesOf(tenantId, clientKeyId);
    // they were all at the same moment of this clock
    expect(changes.map(({ what, actor: who }) => `${what} ${who}`).toSorted()).toEqual([
      'key_created operator/alice',
      'key_edited operator/alice',
      'key_edited operator/alice',
      'key_rotated operator',
    ]);
    expect(changes.flatMap(({ fields }) => fields)).toContainEqual({ field: 'status', from: 'enabled', to: 'revoked' });
    const paged = await admin.listAccountHistory({ tenantId, clientKeyId, pageSize: 3, pageToken: '' });
    const rest = await admin.listAccountHistory({ tenantId, clientKeyId, pageSize: 3, pageToken: paged.nextPageToken });
    expect([...paged.changes, ...rest.changes]).toEqual(changes);
    const stored = await everything();
    for (const each of [secret, second]) {
      expect(stored).not.toContain(each.slice(11, -4));
      expect(logged.join('')).not.toContain(each.slice(11, -4));
    }
  });
});

describe('credits', () => {
  const add = async (tenantId: string, change: Partial<accountsAdminV1.AddCreditRequest>) =>
    (
      await admin.addCredit({
        tenantId,
        kind: CreditKind.TOP_UP,
        purse: Purse.UNSPECIFIED,
        nanoUsd: 10n,
        reason: 'paid',
        actor,
        entryId: '',
        ...change,
      })
    ).entry;
  const entriesOf = async (tenantId: string) =>
    (await admin.listCredits({ tenantId, pageSize: 0, pageToken: '' })).entries;

  test('go to their purse, each as an entry with who, why and the balance after it', async () => {
    const tenantId = await newTenant();
    expect(await add(tenantId, { nanoUsd: 10n })).toMatchObject({
      tenantId,
      kind: CreditKind.TOP_UP,
      purse: Purse.CREDITS,
      nanoUsd: 10n,
      actor: 'operator/alice',
      reason: 'paid',
      requestId: '',
      balanceNanoUsd: 10n,
    });
    now = new Date(now.getTime() + 1);
    await add(tenantId, { kind: CreditKind.GRANT, nanoUsd: 5n });
    now = new Date(now.getTime() + 1);
    await add(tenantId, { kind: CreditKind.ADJUST, purse: Purse.REF_CREDITS, nanoUsd: -2n });
    expect(await tenantOf(tenantId)).toMatchObject({ creditsNanoUsd: 10n, refCreditsNanoUsd: 3n, balanceNanoUsd: 13n });
    expect((await entriesOf(tenantId)).map(({ balanceNanoUsd }) => balanceNanoUsd)).toEqual([13n, 15n, 10n]);
  });

  test('with the id of an entry are given once, however often and at once they are', async () => {
    const tenantId = await newTenant();
    const same = async () => await add(tenantId, { entryId: `invoice-${tenantId}` });
    const results = await Promise.all([same(), same(), same()]);
    expect(new Set(results.map((entry) => entry?.balanceNanoUsd))).toEqual(new Set([10n]));
    expect(await same()).toEqual(results[0]);
    expect(await entriesOf(tenantId)).toHaveLength(1);
    expect((await tenantOf(tenantId))?.balanceNanoUsd).toBe(10n);
    await expect(add(tenantId, { entryId: `invoice-${tenantId}`, nanoUsd: 11n })).rejects.toMatchObject({
      code: 'already_exists',
    });
  });

  test.each([
    ['nothing', { nanoUsd: 0n }],
    ['less than nothing', { nanoUsd: -1n }],
    ['no reason', { reason: ' ' }],
    ['no kind', { kind: CreditKind.UNSPECIFIED }],
    ['a refund of nothing in particular', { kind: CreditKind.REFUND }],
    ['an adjustment of no purse', { kind: CreditKind.ADJUST }],
    ['more than there is money', { nanoUsd: 1_000_000_000_000_000_001n }],
    ['an id like ours', { entryId: 'bootstrap/demo/credits' }],
  ])('of %s are refused', async (_, change) => {
    const tenantId = await newTenant();
    await expect(add(tenantId, change)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await entriesOf(tenantId)).toEqual([]);
  });

  test('are taken from refCredits only as far as there are', async () => {
    const tenantId = await newTenant();
    await add(tenantId, { kind: CreditKind.GRANT, nanoUsd: 5n });
    const take = { kind: CreditKind.ADJUST, purse: Purse.REF_CREDITS, nanoUsd: -6n };
    await expect(add(tenantId, take)).rejects.toMatchObject({ code: 'failed_precondition' });
    await add(tenantId, { ...take, purse: Purse.CREDITS });
    // a debt is one of credits
    expect(await tenantOf(tenantId)).toMatchObject({ creditsNanoUsd: -1n, refCreditsNanoUsd: 0n, balanceNanoUsd: -1n });
  });

  test('lose nothing while charging changes the same account', async () => {
    const tenantId = await newTenant();
    const tenants = running.world.db.collection<{ _id: string; spentNanoUsd: bigint }>('tenants');
    let charged = 0n;
    const stopped = new AbortController();
    const charging = (async () => {
      while (!stopped.signal.aborted) {
        await running.world.db.client.withSession(async (session) => {
          await session.withTransaction(async () => {
            await tenants.updateOne({ _id: tenantId }, { $inc: { spentNanoUsd: 1n } }, { session });
            // as long as a batch takes
            await sleep(3);
          });
        });
        charged += 1n;
      }
    })();
    // more at once would wait for each other longer than a call may take
    for (let round = 0; round < 5; round += 1)
      await Promise.all(Array.from({ length: 6 }, async () => await add(tenantId, { nanoUsd: 1_000n })));
    stopped.abort();
    await charging;
    expect(charged).toBeGreaterThan(0n);
    expect(await tenantOf(tenantId)).toMatchObject({
      spentNanoUsd: charged,
      creditsNanoUsd: 30_000n - charged,
      balanceNanoUsd: 30_000n - charged,
    });
    const entries = await entriesOf(tenantId);
    expect(entries.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n)).toBe(30_000n);
  });

  describe('for what was charged', () => {
    async function charged(tenantId: string, costNanoUsd: bigint): Promise<string> {
      count += 1;
      const requestId = `request-${count}`;
      const { db } = running.world;
      await db
        .collection<{ _id: string; tenantId: string; costNanoUsd: bigint; createdAt: Date }>('request_logs')
        .insertOne({ _id: requestId, tenantId, costNanoUsd, createdAt: new Date() });
      await db
        .collection<{ _id: string; spentNanoUsd: bigint }>('tenants')
        .updateOne({ _id: tenantId }, { $inc: { spentNanoUsd: costNanoUsd } });
      return requestId;
    }
    const refund = async (requestId: string, change: Partial<accountsAdminV1.RefundRequestRequest> = {}) =>
      (await admin.refundRequest({ requestId, kind: CreditKind.REFUND, reason: 'broken answer', actor, ...change }))
        .entry;

    test('are given back in whole or in part, once for each request, however it is called', async () => {
      const tenantId = await newTenant();
      await add(tenantId, { nanoUsd: 100n });
      const [first, second] = [await charged(tenantId, 30n), await charged(tenantId, 20n)];
      expect(await refund(first, { nanoUsd: 10n })).toMatchObject({
        requestId: first,
        kind: CreditKind.REFUND,
        nanoUsd: 10n,
        balanceNanoUsd: 60n,
      });
      expect(await refund(second, { kind: CreditKind.VOID })).toMatchObject({ nanoUsd: 20n, balanceNanoUsd: 80n });
      for (const again of [
        async () => await refund(first),
        async () => await refund(first, { kind: CreditKind.VOID }),
        async () => await refund(second),
      ]) {
        await expect(again()).rejects.toMatchObject({ code: 'already_exists' });
      }
      expect(await tenantOf(tenantId)).toMatchObject({ balanceNanoUsd: 80n, spentNanoUsd: 50n });
    });

    test('are given back once when it is asked for at once', async () => {
      const tenantId = await newTenant();
      const requestId = await charged(tenantId, 30n);
      const results = await Promise.allSettled([refund(requestId), refund(requestId), refund(requestId)]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect((await tenantOf(tenantId))?.balanceNanoUsd).toBe(0n);
    });

    test('restore refCredits where those had been spent', async () => {
      const tenantId = await newTenant();
      await add(tenantId, { kind: CreditKind.GRANT, nanoUsd: 100n });
      const requestId = await charged(tenantId, 30n);
      expect(await tenantOf(tenantId)).toMatchObject({ creditsNanoUsd: 0n, refCreditsNanoUsd: 70n });
      await refund(requestId);
      expect(await tenantOf(tenantId)).toMatchObject({ creditsNanoUsd: 0n, refCreditsNanoUsd: 100n });
    });

    test('are refused beyond what it cost, and for what was never charged', async () => {
      const tenantId = await newTenant();
      const requestId = await charged(tenantId, 30n);
      await expect(refund(requestId, { nanoUsd: 31n })).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(refund(requestId, { nanoUsd: -1n })).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(refund(requestId, { reason: '' })).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(refund(await charged(tenantId, 0n))).rejects.toMatchObject({ code: 'failed_precondition' });
      await expect(refund('no-such-request')).rejects.toMatchObject({ code: 'not_found' });
      expect(await entriesOf(tenantId)).toEqual([]);
    });
  });
});

describe('accounts of another system', () => {
  const secret = Buffer.alloc(32, 7);
  const account = (tenantId: string, change: Partial<accountsAdminV1.ImportedAccount> = {}) => ({
    tenantId,
    name: `Old ${tenantId}`,
    type: TenantType.PERSONAL,
    status: TenantStatus.ACTIVE,
    creditsNanoUsd: 12n,
    refCreditsNanoUsd: 3n,
    keys: [
      {
        clientKeyId: `${tenantId}-key`,
        name: 'old key',
        digest: clientKeyDigest(`old-key-of-${tenantId}`),
        prefix: 'sk-old-',
        lastFour: 'abcd',
        enabled: true,
      },
    ],
    ...change,
  });
  const take = async (accounts: readonly accountsAdminV1.ImportedAccount[], dryRun = false) =>
    (await admin.importAccounts({ source: 'trollllm', accounts, actor, dryRun })).results;

  test('are taken over once, and a dry run only says so', async () => {
    const taken = {
      tenantId: 'old-1',
      ok: true,
      reason: '',
      tenantCreated: true,
      creditsGiven: true,
      keysCreated: 1,
      keysKnown: 0,
    };
    expect(await take([account('old-1')], true)).toEqual([taken]);
    await expect(tenantOf('old-1')).rejects.toMatchObject({ code: 'not_found' });
    expect(await take([account('old-1')])).toEqual([taken]);
    const again = { ...taken, tenantCreated: false, creditsGiven: false, keysCreated: 0, keysKnown: 1 };
    expect(await take([account('old-1', { creditsNanoUsd: 99n })])).toEqual([again]);
    expect(await tenantOf('old-1')).toMatchObject({ name: 'Old old-1', creditsNanoUsd: 12n, refCreditsNanoUsd: 3n });
    expect(await resolve('old-key-of-old-1')).toMatchObject({ clientKeyId: 'old-1-key', tenantId: 'old-1' });
  });

  test('are refused, each for itself and whole, where they would mix with others', async () => {
    const tenantId = await newTenant();
    const [known] = [account('old-2')];
    const stolen = account('old-3', { keys: account('old-2').keys.map((key) => ({ ...key, clientKeyId: 'other' })) });
    const short = account('old-4', {
      keys: account('old-4').keys.map((key) => ({ ...key, digest: secret.subarray(1) })),
    });
    const results = await take([known, account(tenantId), stolen, short, account('no spaces')]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, false, false, false]);
    expect(results.map(({ reason }) => reason).join('\n')).toMatch(
      /does not come from there.*belongs to another id.*SHA-256.*letters, digits/s,
    );
    expect((await tenantOf(tenantId))?.balanceNanoUsd).toBe(0n);
    for (const gone of ['old-3', 'old-4']) await expect(tenantOf(gone)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('in debt are taken over with it', async () => {
    await take([account('old-5', { creditsNanoUsd: -7n, refCreditsNanoUsd: 0n, keys: [] })]);
    expect((await tenantOf('old-5'))?.balanceNanoUsd).toBe(-7n);
  });
});

test('prices are told with since when they count', async () => {
  const { prices } = await admin.listPrices({ site: 'ohmygpt', model: '', allVersions: false });
  expect(prices).toEqual([
    {
      site: 'ohmygpt',
      model: 'model-a',
      version: 'ohmygpt/model-a@1',
      rates: {
        input: 3_300_000_000n,
        output: 16_500_000_000n,
        cacheWrite5m: 4_130_000_000n,
        cacheWrite1h: 6_600_000_000n,
        cacheRead: 330_000_000n,
      },
      tiers: [],
      perRequestNanoUsd: 0n,
      multiplierNano: 1_050_000_000n,
      since: new Date('2026-11-21T12:00:00Z'),
    },
  ]);
  expect((await admin.listPrices({ site: 'elsewhere', model: '', allVersions: true })).prices).toEqual([]);
});

describe('who may not administer', () => {
  type Rpc = keyof accountsAdminV1.AccountsAdminService;
  type Requests = { readonly [K in Rpc]: Parameters<AdminClient[K]>[0] };
  const page = { pageSize: 0, pageToken: '' };
  const REQUESTS: Requests = {
    listTenants: { search: '', type: TenantType.UNSPECIFIED, status: TenantStatus.UNSPECIFIED, ...page },
    getTenant: { tenantId: 'demo' },
    createTenant: { tenantId: 'made-by-a-stranger', name: 'x', type: TenantType.PERSONAL, actor },
    editTenant: { tenantId: 'demo', limits: [], name: 'x', actor },
    listAccountHistory: { tenantId: 'demo', clientKeyId: '', ...page },
    listClientKeys: { tenantId: '', search: '', status: ClientKeyStatus.UNSPECIFIED, ...page },
    getClientKey: { clientKeyId: 'demo-key' },
    createClientKey: { tenantId: 'demo', clientKeyId: '', fields: { ...NOTHING_ELSE, name: 'x' }, actor },
    editClientKey: { clientKeyId: 'demo-key', fields: { ...NOTHING_ELSE, name: 'x' }, actor },
    operateClientKey: { clientKeyId: 'demo-key', operation: ClientKeyOperation.REVOKE, actor },
    rotateClientKey: { clientKeyId: 'demo-key', graceMs: 0n, actor },
    listCredits: { tenantId: 'demo', ...page },
    addCredit: {
      tenantId: 'demo',
      kind: CreditKind.GRANT,
      purse: Purse.UNSPECIFIED,
      nanoUsd: 1n,
      reason: 'x',
      actor,
      entryId: '',
    },
    refundRequest: { requestId: 'x', kind: CreditKind.VOID, reason: 'x', actor },
    listPrices: { site: '', model: '', allVersions: false },
    importAccounts: { source: 'x', accounts: [], actor, dryRun: false },
  };
  // the names come from the table itself
  const RPCS = Object.keys(REQUESTS) as readonly Rpc[]; // oxlint-disable-line typescript/no-unsafe-type-assertion

  test('is asked about all that there is', () => {
    expect(new Set<string>(RPCS)).toEqual(new Set(Object.keys(accountsAdminV1.AccountsAdminService)));
  });

  test.each([
    ['a router', TOKENS.router, 'permission_denied'],
    ['a service that nothing was given', TOKENS.stranger, 'permission_denied'],
    ['somebody without a token', '', 'unauthenticated'],
  ])('%s is refused everything, and changes nothing', async (_, token, code) => {
    const client = running.clientOf(token);
    const before = await everything();
    for (const rpc of RPCS) {
      // which request belongs to which rpc is what the type of the table says
      const call = client[rpc] as (request: unknown) => Promise<unknown>; // oxlint-disable-line typescript/no-unsafe-type-assertion
      const refusal = await call(REQUESTS[rpc]).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(OmgError);
      expect([rpc, refusal]).toMatchObject([rpc, { code }]);
    }
    expect(await everything()).toBe(before);
  });

  test('an operator who is no router is told nothing of keys by their digest', async () => {
    const { ledger } = running;
    using client = createGrpcClient(accountsV1.AccountsService, {
      address: `127.0.0.1:${ledger.service.grpcPort}`,
      token: new Secret(TOKENS.operator),
      deadlineMs: 2_000,
      telemetry: ledger.service.process.telemetry,
    });
    await expect(client.resolveKey({ digest: Buffer.alloc(32), site: 'ohmygpt' })).rejects.toMatchObject({
      code: 'permission_denied',
    });
  });
});

async function everything(): Promise<string> {
  const names = ['tenants', 'client_keys', 'credit_entries', 'account_history'];
  const documents = await Promise.all(
    names.map(async (name) => await running.world.db.collection(name).find().toArray()),
  );
  return JSON.stringify(documents, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}
