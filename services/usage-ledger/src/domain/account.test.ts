import { describe, expect, test } from 'vitest';
import { accountStatus, snapshotTtlMs, type PresentedKey, type Tenant } from './account.ts';

const now = new Date('2026-11-21T12:00:00Z');
const later = new Date('2026-11-21T12:00:05Z');
const tenant = (change: Partial<Tenant> = {}): Tenant => ({
  id: 't',
  name: 'T',
  type: 'organization',
  status: 'active',
  version: 1n,
  ...change,
});
const key = (change: Partial<PresentedKey> = {}): PresentedKey => ({
  id: 'k',
  tenantId: 't',
  status: 'enabled',
  expiresAt: undefined,
  secretEndsAt: undefined,
  ...change,
});

describe('whether a key may be used', () => {
  test.each([
    ['active', {}, {}],
    ['active', {}, { expiresAt: later, secretEndsAt: later }],
    ['key_disabled', {}, { status: 'disabled' }],
    ['tenant_suspended', { status: 'suspended' }, { status: 'disabled' }],
    ['key_expired', { status: 'suspended' }, { expiresAt: now }],
    ['key_revoked', { status: 'suspended' }, { expiresAt: now, status: 'revoked' }],
    ['key_revoked', {}, { expiresAt: now, secretEndsAt: now }],
  ] as const)('is %s for %o and %o', (status, ofTenant, ofKey) => {
    expect(accountStatus(tenant(ofTenant), key(ofKey), now)).toBe(status);
  });
});

test('what is told of a key counts no longer than what ends by itself', () => {
  expect(snapshotTtlMs(key(), now, 30_000)).toBe(30_000);
  expect(snapshotTtlMs(key({ expiresAt: later }), now, 30_000)).toBe(5_000);
  expect(snapshotTtlMs(key({ secretEndsAt: later }), now, 30_000)).toBe(5_000);
  expect(snapshotTtlMs(key({ secretEndsAt: later }), now, 3_000)).toBe(3_000);
  // what is over stays over
  expect(snapshotTtlMs(key({ expiresAt: now }), now, 30_000)).toBe(30_000);
});
