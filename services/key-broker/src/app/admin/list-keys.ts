import { OmgError } from '@omg/errors';
import type { StoredKey } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { makeKeyReporter, type KeyReport } from './key-report.ts';
import { pageByName } from './page.ts';

export interface ListKeysInput {
  readonly provider: string;
  /** Empty: every one. */
  readonly statuses: readonly string[];
  /** Part of the name, in whatever case. */
  readonly search: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface ListKeysResult {
  readonly keys: readonly KeyReport[];
  readonly nextPageToken: string;
  /** Of all pages. */
  readonly total: number;
}

/** The switches are asked for like statuses; a key that is switched off has a status besides. */
const STATUSES = ['healthy', 'rate_limited', 'exhausted', 'error', 'using_failover', 'disabled', 'paused'];

export function makeListKeys({ offices, clock }: AdminDeps): (input: ListKeysInput) => ListKeysResult {
  return ({ provider, statuses, search, ...page }) => {
    const office = offices.get(provider);
    const strange = statuses.find((status) => !STATUSES.includes(status));
    if (strange !== undefined) {
      const known = STATUSES.join(', ');
      throw new OmgError('invalid_argument', `${JSON.stringify(strange)} is no status of a key; there is ${known}`);
    }
    const part = search.toLowerCase();
    const found = office.keysNow().filter(({ key }) => hasOneOf(key, statuses) && key.id.toLowerCase().includes(part));
    const { items, nextPageToken } = pageByName(found, ({ key }) => key.id, page);
    return { keys: items.map(makeKeyReporter(office, clock.nowMs())), nextPageToken, total: found.length };
  };
}

function hasOneOf({ state }: StoredKey, statuses: readonly string[]): boolean {
  if (statuses.length === 0 || statuses.includes(state.status)) return true;
  return (statuses.includes('disabled') && !state.enabled) || (statuses.includes('paused') && state.paused);
}
