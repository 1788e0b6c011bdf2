export type AccountStatus = 'active' | 'tenant_suspended' | 'key_disabled' | 'key_revoked' | 'key_expired';

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly type: 'organization' | 'personal';
  readonly status: 'active' | 'suspended';
  readonly version: bigint;
}

export interface ClientKey {
  readonly id: string;
  readonly tenantId: string;
  readonly status: 'enabled' | 'disabled' | 'revoked';
  readonly expiresAt: Date | undefined;
}

/** Whether the key may be used, and if not, why: what ends it for good comes first. */
export function accountStatus(tenant: Tenant, key: ClientKey, now: Date): AccountStatus {
  if (key.status === 'revoked') return 'key_revoked';
  if (key.expiresAt !== undefined && key.expiresAt <= now) return 'key_expired';
  if (tenant.status === 'suspended') return 'tenant_suspended';
  return key.status === 'disabled' ? 'key_disabled' : 'active';
}
