import { clientKeyDigest } from '@omg/client-key';
import { accountsAdminV1 } from '@omg/proto-gen';
import { describe, expect, test } from 'vitest';
import { toImportedAccount, type OldUser } from './to-imported-account.ts';

const KEY = `sk-old-${'0123456789abcdef'.repeat(4)}`;
const FIELDS = { credits: ['credits', 'creditsNew'], refCredits: 'refCredits' };
const user = (change: Readonly<Record<string, unknown>> = {}): OldUser => ({ _id: 'alice', ...change });

describe('a user of the old system', () => {
  test('becomes a personal tenant with what is left of its purses and its key', () => {
    const old = user({ apiKey: KEY, credits: 12.5, creditsNew: 0.1, refCredits: 3, role: 'admin', isActive: true });
    expect(toImportedAccount(old, [], FIELDS)).toEqual({
      tenantId: 'alice',
      name: 'alice',
      type: accountsAdminV1.TenantType.PERSONAL,
      status: accountsAdminV1.TenantStatus.ACTIVE,
      creditsNanoUsd: 12_600_000_000n,
      refCreditsNanoUsd: 3_000_000_000n,
      keys: [
        {
          clientKeyId: 'alice-key',
          name: 'API key',
          digest: clientKeyDigest(KEY),
          prefix: KEY.slice(0, 12),
          lastFour: KEY.slice(-4),
          enabled: true,
        },
      ],
    });
  });

  test('who is not active is suspended, and who has nothing has nothing', () => {
    expect(toImportedAccount(user({ isActive: false, apiKey: null }), [], FIELDS)).toMatchObject({
      status: accountsAdminV1.TenantStatus.SUSPENDED,
      creditsNanoUsd: 0n,
      refCreditsNanoUsd: 0n,
      keys: [],
    });
  });

  test('has the keys that are documents of their own as well', () => {
    const keys = [{ _id: 'laptop', key: KEY, name: 'Laptop', isActive: false }];
    expect(toImportedAccount(user({ username: 'bob' }), keys, FIELDS)).toMatchObject({
      tenantId: 'bob',
      keys: [{ clientKeyId: 'laptop', name: 'Laptop', enabled: false }],
    });
  });

  test('keeps what a double means, debts too', () => {
    expect(toImportedAccount(user({ credits: -0.3 }), [], FIELDS).creditsNanoUsd).toBe(-300_000_000n);
    expect(toImportedAccount(user({ credits: 0.1 + 0.2 }), [], FIELDS).creditsNanoUsd).toBe(300_000_000n);
  });

  test.each([
    ['an amount that is none', { credits: 'much' }],
    ['an amount without end', { credits: Infinity }],
    ['a key that could be guessed', { apiKey: 'sk-short' }],
    ['a key that is none', { apiKey: 17 }],
  ])('with %s is refused, and the refusal does not quote it', (_, change) => {
    expect(() => toImportedAccount(user(change), [], FIELDS)).toThrow(/^(?!.*(much|short|17)).*is (no|none)/);
  });
});
