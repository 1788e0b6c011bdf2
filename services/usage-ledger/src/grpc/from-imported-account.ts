import type { accountsAdminV1 } from '@omg/proto-gen';
import type { SeedAccount } from '../app/admin/seed-account.ts';
import { UNRESTRICTED } from '../domain/client-key-terms.ts';
import { NO_LIMIT_TERMS } from '../domain/limits.ts';
import { TENANT_STATUS, TENANT_TYPE, wordOf } from './account-words.ts';

const NOTHING_OF_ITS_OWN = { limits: NO_LIMIT_TERMS, budget: undefined } as const;

export function fromImportedAccount(account: accountsAdminV1.ImportedAccount): SeedAccount {
  return {
    tenant: {
      id: account.tenantId,
      name: account.name,
      type: wordOf(TENANT_TYPE, account.type, 'type') ?? 'personal',
      status: wordOf(TENANT_STATUS, account.status, 'status') ?? 'active',
      ...NOTHING_OF_ITS_OWN,
    },
    given: { credits: account.creditsNanoUsd, refCredits: account.refCreditsNanoUsd },
    keys: account.keys.map(({ clientKeyId, name, digest, prefix, lastFour, enabled, expiresAt }) => ({
      id: clientKeyId,
      name,
      status: enabled ? 'enabled' : 'disabled',
      terms: UNRESTRICTED,
      expiresAt,
      ...NOTHING_OF_ITS_OWN,
      secret: { digest, prefix, lastFour },
    })),
  };
}
