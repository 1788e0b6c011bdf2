import { OmgError } from '@omg/errors';
import type { KeyNow, PoolOffice, PoolOffices, ProxyNow } from '../pool-office.ts';
import type { PoolClock } from '../pool-clock.ts';

/** What most use cases of administration need. */
export interface AdminDeps {
  readonly offices: PoolOffices;
  readonly clock: PoolClock;
}

export function existingKey(office: PoolOffice, keyId: string): KeyNow {
  const key = office.keyNow(keyId);
  if (key !== undefined) return key;
  const hint = office.backupsNow().some(({ id }) => id === keyId) ? '; it is one of the backup keys' : '';
  throw new OmgError('not_found', `${office.provider.name} has no key ${JSON.stringify(keyId)}${hint}`);
}

export function existingProxy(office: PoolOffice, proxyId: string): ProxyNow {
  const proxy = office.proxiesNow().find(({ proxy: { id } }) => id === proxyId);
  if (proxy !== undefined) return proxy;
  throw new OmgError('not_found', `there is no proxy ${JSON.stringify(proxyId)}`);
}
