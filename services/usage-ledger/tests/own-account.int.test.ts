import { Secret } from '@omg/config';
import { createGrpcClient } from '@omg/grpc';
import { accountsAdminV1, accountsV1, eventsV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NOTHING_ELSE, TOKENS, startAdmin, type AdminWorld } from './accounts-admin.ts';
import { expectedCost, makeEvent, publish, settled } from './ledger.ts';

const { BudgetPeriod, BudgetRule, CreditKind, Purse } = accountsAdminV1;
const NOW = new Date('2026-11-30T12:00:00Z');

let running: AdminWorld;
beforeAll(async () => {
  running = await startAdmin({ overrides: { clock: { now: () => NOW } } });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

async function ask(
  clientKeyId: string,
  { site = 'ohmygpt', lastRequests = 0 }: { readonly site?: string; readonly lastRequests?: number } = {},
): Promise<accountsV1.OwnAccount> {
  const { account } = await running.ledger.accounts.getOwnAccount({ clientKeyId, site, lastRequests });
  return account ?? expect.fail();
}

async function makeAccount(tenantId: string): Promise<string> {
  await running.admin.createTenant({
    tenantId,
    name: `Tenant ${tenantId}`,
    type: 'TENANT_TYPE_ORGANIZATION',
    actor: '',
  });
  const clientKeyId = `${tenantId}-key`;
  const fields = { name: 'first key', ...NOTHING_ELSE };
  await running.admin.createClientKey({ tenantId, clientKeyId, fields, actor: '' });
  return clientKeyId;
}

async function setSpending(collection: string, id: string, spentBy: Readonly<Record<string, bigint>>): Promise<void> {
  const { matchedCount } = await running.world.db
    .collection<{ _id: string }>(collection)
    .updateOne({ _id: id }, { $set: { spentBy } });
  expect(matchedCount).toBe(1);
}

test('a key that nothing was said of has the defaults, no money and no requests', async () => {
  const clientKeyId = await makeAccount('plain');
  expect(await ask(clientKeyId, { lastRequests: 20 })).toEqual({
    tenantId: 'plain',
    tenantName: 'Tenant plain',
    clientKeyId,
    clientKeyName: 'first key',
    creditsNanoUsd: 0n,
    refCreditsNanoUsd: 0n,
    balanceNanoUsd: 0n,
    spentNanoUsd: 0n,
    keyLimits: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 10 },
    tenantLimits: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 100 },
    tenantBudget: {
      budget: {
        nanoUsd: 100_000_000_000n,
        period: BudgetPeriod.MONTH,
        days: 0,
        timeZone: 'UTC',
        warnAt: 0.8,
        hard: false,
      },
      windowId: 'month/UTC/2026-11-01',
      windowStartsAt: new Date('2026-11-01T00:00:00Z'),
      windowEndsAt: new Date('2026-12-01T00:00:00Z'),
      spentNanoUsd: 0n,
      leftNanoUsd: 100_000_000_000n,
      warning: false,
    },
    lastRequests: [],
  });
});

test('purses are what is left of them, limits those of the site, terms the key’s', async () => {
  const { admin } = running;
  const clientKeyId = await makeAccount('rich');
  const credit = { tenantId: 'rich', reason: 'a test', actor: '', entryId: '' };
  await admin.addCredit({ ...credit, kind: CreditKind.TOP_UP, purse: Purse.UNSPECIFIED, nanoUsd: 5_000_000_000n });
  await admin.addCredit({ ...credit, kind: CreditKind.GRANT, purse: Purse.UNSPECIFIED, nanoUsd: 2_000_000_000n });
  await running.world.db
    .collection<{ _id: string }>('tenants')
    .updateOne({ _id: 'rich' }, { $set: { spentNanoUsd: 6_000_000_000n } });
  const expiresAt = new Date('2027-01-31T00:00:00Z');
  await admin.editClientKey({
    clientKeyId,
    fields: {
      ...NOTHING_ELSE,
      expiresAt,
      scopes: { words: ['account'] },
      limits: [{ site: 'openhands', parallel: 1 }],
    },
    actor: '',
  });
  expect(await ask(clientKeyId)).toMatchObject({
    creditsNanoUsd: 0n,
    refCreditsNanoUsd: 1_000_000_000n,
    balanceNanoUsd: 1_000_000_000n,
    spentNanoUsd: 6_000_000_000n,
    expiresAt,
    keyTerms: { scopes: ['account'], allowedModels: [], sites: [] },
    keyLimits: { parallel: 10 },
  });
  expect((await ask(clientKeyId, { site: 'openhands' })).keyLimits?.parallel).toBe(1);
});

test('budgets are told with what was spent of them in the window that counts, and from when on it is warned', async () => {
  const clientKeyId = await makeAccount('thrifty');
  const budget = { nanoUsd: 10_000_000_000n, days: 0, timeZone: 'Europe/Berlin', warnAt: 0.5, hard: true };
  await running.admin.editTenant({
    tenantId: 'thrifty',
    limits: [],
    budget: { rule: BudgetRule.OWN, budget: { ...budget, period: BudgetPeriod.WEEK } },
    actor: '',
  });
  await running.admin.editClientKey({
    clientKeyId,
    fields: {
      ...NOTHING_ELSE,
      budget: { rule: BudgetRule.OWN, budget: { ...budget, period: BudgetPeriod.ROLLING, days: 2 } },
    },
    actor: '',
  });
  await setSpending('tenants', 'thrifty', {
    'week/Europe/Berlin/2026-11-30': 4_999_999_999n,
    'week/Europe/Berlin/2026-11-23': 9_000_000_000n,
  });
  await setSpending('client_keys', clientKeyId, {
    'rolling-2/Europe/Berlin/2026-11-28': 1_000_000_000n,
    'rolling-2/Europe/Berlin/2026-11-29': 6_000_000_000n,
    'rolling-2/Europe/Berlin/2026-11-30': 5_000_000_000n,
  });
  const { tenantBudget, keyBudget } = await ask(clientKeyId);
  expect(tenantBudget).toMatchObject({
    windowId: 'week/Europe/Berlin/2026-11-30',
    windowStartsAt: new Date('2026-11-29T23:00:00Z'),
    spentNanoUsd: 4_999_999_999n,
    leftNanoUsd: 5_000_000_001n,
    warning: false,
  });
  expect(keyBudget).toMatchObject({
    budget: { hard: true, days: 2 },
    windowId: 'rolling-2/Europe/Berlin/2026-11-30',
    spentNanoUsd: 11_000_000_000n,
    leftNanoUsd: 0n,
    warning: true,
  });
});

test('the last requests are the key’s own, newest first, as many as are asked for, and tell nothing of how they were served', async () => {
  const clientKeyId = await makeAccount('busy');
  // not so old that the server forgets it
  const newestAt = new Date();
  const events = Array.from({ length: 110 }, (_, at) =>
    makeEvent({ tenantId: 'busy', clientKeyId, acceptedAt: new Date(newestAt.getTime() - at * 1_000), epoch: 'own' }),
  );
  publish(running.world, [
    ...events,
    makeEvent({ tenantId: 'busy', clientKeyId: 'another-key', acceptedAt: newestAt, epoch: 'own' }),
  ]);
  await settled(running.world);
  const { lastRequests } = await ask(clientKeyId, { lastRequests: 3 });
  const [newest] = events;
  const tokens = newest?.tokens ?? expect.fail();
  expect(lastRequests.map(({ requestId }) => requestId)).toEqual(events.slice(0, 3).map(({ requestId }) => requestId));
  expect(lastRequests[0]).toEqual({
    requestId: newest?.requestId,
    acceptedAt: newestAt,
    site: 'ohmygpt',
    model: 'model-a',
    stream: true,
    statusCode: 200,
    success: true,
    tokens,
    usageSource: eventsV1.UsageSource.PROVIDER,
    costNanoUsd: expectedCost(tokens),
    latencyMs: 1_234,
    firstTokenMs: 321,
  });
  expect((await ask(clientKeyId, { lastRequests: 1_000 })).lastRequests).toHaveLength(100);
  expect((await ask(clientKeyId)).lastRequests).toEqual([]);
});

test('a key that does not exist is not found, and only a router may ask', async () => {
  await expect(ask('no-such-key')).rejects.toMatchObject({ code: 'not_found' });
  using stranger = createGrpcClient(accountsV1.AccountsService, {
    address: `127.0.0.1:${running.ledger.service.grpcPort}`,
    token: new Secret(TOKENS.stranger),
    deadlineMs: 5_000,
    telemetry: running.ledger.service.process.telemetry,
  });
  await expect(
    stranger.getOwnAccount({ clientKeyId: 'demo-key', site: 'ohmygpt', lastRequests: 1 }),
  ).rejects.toMatchObject({ code: 'permission_denied' });
});
