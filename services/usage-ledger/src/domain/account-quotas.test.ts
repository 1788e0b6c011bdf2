import { describe, expect, test } from 'vitest';
import { accountQuotas, scopeState, type AccountDefaults } from './account-quotas.ts';
import type { ClientKeyRecord, TenantRecord } from './account.ts';
import type { Budget } from './budget.ts';
import { UNRESTRICTED } from './client-key-terms.ts';

const USD = 1_000_000_000n;
const budget = (change: Partial<Budget> = {}): Budget => ({
  nanoUsd: 100n * USD,
  period: { kind: 'month', timeZone: 'UTC' },
  warnAt: 0.8,
  hard: false,
  ...change,
});
const defaults: AccountDefaults = {
  clientKey: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 10 },
  tenant: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 100 },
  budget: budget(),
};
const now = new Date('2026-11-30T12:00:00Z');
const at = { defaults, now };

const tenant = (change: Partial<TenantRecord> = {}): TenantRecord => ({
  id: 'acme',
  name: 'Acme',
  type: 'organization',
  status: 'active',
  version: 3n,
  limits: {},
  budget: undefined,
  spentBy: {},
  purses: { credits: 10n * USD, refCredits: 5n * USD, spent: 4n * USD },
  origin: undefined,
  createdAt: now,
  ...change,
});
const key = (change: Partial<ClientKeyRecord> = {}): ClientKeyRecord => ({
  id: 'ci',
  tenantId: 'acme',
  name: 'ci',
  status: 'enabled',
  expiresAt: undefined,
  prefix: '',
  lastFour: '',
  earlier: [],
  terms: UNRESTRICTED,
  limits: { sites: [{ site: 'ohmygpt', parallel: 1 }] },
  budget: undefined,
  spentBy: {},
  createdAt: now,
  ...change,
});

describe('what a request is admitted by', () => {
  test('is the limits of key and tenant at the site, the balance, and the budgets that there are', () => {
    const quotas = accountQuotas(
      { tenant: tenant(), key: key({ budget: budget({ hard: true }) }) },
      { ...at, site: 'ohmygpt' },
    );
    expect(quotas.map(({ name, limits, hard }) => ({ name, limits, hard }))).toEqual([
      { name: 'rate|key|ci|ohmygpt', limits: { requests: 1_000, tokens: 1_000_000, slots: 1 }, hard: true },
      { name: 'rate|tenant|acme|ohmygpt', limits: { requests: 1_000, tokens: 1_000_000, slots: 100 }, hard: true },
      { name: 'credit|tenant|acme', limits: { nanoUsd: 15n * USD }, hard: false },
      { name: 'budget|key|ci|month/UTC/2026-11-01', limits: { nanoUsd: 100n * USD }, hard: true },
      { name: 'budget|tenant|acme|month/UTC/2026-11-01', limits: { nanoUsd: 100n * USD }, hard: false },
    ]);
    expect(quotas.at(-1)).toMatchObject({ warnFromNanoUsd: 80n * USD, endsAt: new Date('2026-12-01') });
  });

  test('a tenant without a budget has its credits alone, and whose budget is hard may not overdraw them', () => {
    const kinds = (change: Partial<TenantRecord>) =>
      accountQuotas({ tenant: tenant(change), key: key() }, { ...at, site: 's' })
        .slice(2)
        .map(({ name, hard }) => [name, hard]);
    expect(kinds({ budget: 'none' })).toEqual([['credit|tenant|acme', false]]);
    expect(kinds({ budget: budget({ hard: true }) })).toEqual([
      ['credit|tenant|acme', true],
      ['budget|tenant|acme|month/UTC/2026-11-01', true],
    ]);
    expect(kinds({ type: 'service' })).toEqual([['credit|tenant|acme', false]]);
  });
});

describe('what is left of a scope', () => {
  const state = (name: Parameters<typeof scopeState>[0], spent: Readonly<Record<string, bigint>> = {}) =>
    scopeState(name, { tenant: tenant({ spentBy: spent }), key: key() }, at).limits;

  test('of credits is the balance', () => {
    expect(state({ kind: 'credit', of: 'tenant', id: 'acme' })).toEqual({ nanoUsd: 11n * USD });
  });

  test('of a budget is what its bucket has not spent, also of a window that is over', () => {
    const spent = { 'month/UTC/2026-11-01': 30n * USD, 'month/UTC/2026-10-01': 101n * USD };
    const of = (bucket: string) => state({ kind: 'budget', of: 'tenant', id: 'acme', bucket }, spent);
    expect(of('month/UTC/2026-11-01')).toEqual({ nanoUsd: 70n * USD });
    expect(of('month/UTC/2026-10-01')).toEqual({ nanoUsd: -1n * USD });
  });

  test('of a budget that the account has no more is everything: another one counts', () => {
    expect(state({ kind: 'budget', of: 'tenant', id: 'acme', bucket: 'day/UTC/2026-11-30' })).toEqual({});
    expect(state({ kind: 'budget', of: 'key', id: 'ci', bucket: 'day/UTC/2026-11-30' })).toEqual({});
  });

  test('of rates is the limit at that site', () => {
    expect(state({ kind: 'rate', of: 'key', id: 'ci', site: 'ohmygpt' })).toMatchObject({ slots: 1 });
    expect(state({ kind: 'rate', of: 'key', id: 'ci', site: 'openhands' })).toMatchObject({ slots: 10 });
    expect(state({ kind: 'rate', of: 'tenant', id: 'acme', site: 'openhands' })).toMatchObject({ slots: 100 });
  });
});
