import { OmgError } from '@omg/errors';
import type { ClientKeyRecord, TenantRecord } from '../../domain/account.ts';
import type { AccountDefaults } from '../../domain/account-quotas.ts';
import type { Clock, PriceStore } from '../ports.ts';
import type { AccountAdminStore } from './account-store.ts';

export interface AdminDeps {
  readonly store: AccountAdminStore;
  readonly prices: Pick<PriceStore, 'all'>;
  readonly clock: Clock;
  /** Time-sortable: entries and history are read in the order of their ids. */
  readonly makeId: () => string;
  readonly defaults: AccountDefaults;
  /** What one request can cost at most, of the dearest model at the prices that count now. */
  readonly dearestRequestNanoUsd: () => bigint;
}

export async function existingTenant({ store }: Pick<AdminDeps, 'store'>, id: string): Promise<TenantRecord> {
  return (await store.tenant(id)) ?? noTenant(id);
}

export async function existingKey({ store }: Pick<AdminDeps, 'store'>, id: string): Promise<ClientKeyRecord> {
  return (await store.clientKey(id)) ?? noKey(id);
}

export function noTenant(id: string): never {
  throw new OmgError('not_found', `there is no tenant ${JSON.stringify(id)}`);
}

export function noKey(id: string): never {
  throw new OmgError('not_found', `there is no client key ${JSON.stringify(id)}`);
}

export function invalid(message: string): never {
  throw new OmgError('invalid_argument', message);
}
