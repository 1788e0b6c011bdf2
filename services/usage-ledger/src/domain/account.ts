import type { SpentBy } from './budget-bucket.ts';
import type { BudgetTerms } from './budget.ts';
import type { ClientKeyTerms, EarlierSecret } from './client-key-terms.ts';
import type { Purses } from './credits.ts';
import type { LimitTerms } from './limits.ts';

export type AccountStatus = 'active' | 'tenant_suspended' | 'key_disabled' | 'key_revoked' | 'key_expired';

export type TenantType = 'organization' | 'personal' | 'service';
export type TenantStatus = 'active' | 'suspended';
export type ClientKeyStatus = 'enabled' | 'disabled' | 'revoked';

export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** A service's account comes by itself, with the first thing that it used. */
  readonly type: TenantType;
  readonly status: TenantStatus;
  /** Raised by every change of the tenant or of a key of it. */
  readonly version: bigint;
}

export interface ClientKey {
  readonly id: string;
  readonly tenantId: string;
  readonly status: ClientKeyStatus;
  readonly expiresAt: Date | undefined;
}

/** Everything about a tenant. */
export interface TenantRecord extends Tenant {
  readonly limits: LimitTerms;
  readonly budget: BudgetTerms;
  readonly purses: Purses;
  /** Of the tenant's budgets. */
  readonly spentBy: SpentBy;
  /** What made it, where it was not an operator: `bootstrap`, `import/trollllm`. */
  readonly origin: string | undefined;
  readonly createdAt: Date;
}

/** Everything about a client key but its secret. */
export interface ClientKeyRecord extends ClientKey {
  readonly name: string;
  readonly prefix: string;
  readonly lastFour: string;
  /** Those that it had and that still work. */
  readonly earlier: readonly EarlierSecret[];
  readonly terms: ClientKeyTerms;
  readonly limits: LimitTerms;
  readonly budget: BudgetTerms;
  /** Of the key's own budgets. */
  readonly spentBy: SpentBy;
  readonly createdAt: Date;
}

/** A key as it was presented: with its secret, or with one that was replaced and works until then. */
export interface PresentedKey extends ClientKey {
  readonly secretEndsAt: Date | undefined;
}

/** Whether the key may be used, and if not, why: what ends it for good comes first. */
export function accountStatus(tenant: Tenant, key: ClientKey & Partial<PresentedKey>, now: Date): AccountStatus {
  if (key.status === 'revoked' || isOver(key.secretEndsAt, now)) return 'key_revoked';
  if (isOver(key.expiresAt, now)) return 'key_expired';
  if (tenant.status === 'suspended') return 'tenant_suspended';
  return key.status === 'disabled' ? 'key_disabled' : 'active';
}

/** How long what is known of the key counts, where something of it ends by itself before `ttlMs` are over. */
export function snapshotTtlMs(key: PresentedKey, now: Date, ttlMs: number): number {
  const leftMs = [key.expiresAt, key.secretEndsAt]
    .flatMap((end) => (end === undefined ? [] : [end.getTime() - now.getTime()]))
    .filter((left) => left > 0);
  return Math.min(ttlMs, ...leftMs);
}

function isOver(end: Date | undefined, now: Date): boolean {
  return end !== undefined && end <= now;
}
