import { clientKeyDigest, isClientKey } from '@omg/client-key';
import { IS_TRANSIENT, OmgError } from '@omg/errors';
import type { Account, AccountDirectory, Clock, Closed } from './ports.ts';

/** Whose the key is, and why it opens nothing, where it does not. */
export type Authentication =
  | { readonly account: Account; readonly refused?: undefined }
  | { readonly account: Account; readonly refused: Closed }
  | { readonly account?: undefined; readonly refused: 'unknown' };

export interface AuthenticateDeps {
  readonly directory: AccountDirectory;
  readonly clock: Clock;
  /** How many accounts are kept in memory. */
  readonly maxCached: number;
}

interface Cached {
  readonly authentication: Authentication;
  readonly untilMs: number;
  /** Until then it still counts where nobody can be asked: traffic must not end because the ledger restarts. */
  readonly graceUntilMs: number;
}

const OUTAGE_GRACE_MS = 120_000;

/** How long a key that does not exist is remembered as such. */
const UNKNOWN_TTL_MS = 5_000;

/**
 * Who presents a key. Accounts are remembered under the whole digest for as long as the ledger allows; all who wait for
 * the same one share a call.
 */
export function makeAuthenticate(deps: AuthenticateDeps): (key: string | undefined) => Promise<Authentication> {
  const cache = new Map<string, Cached>();
  const asking = new Map<string, Promise<Authentication>>();

  async function ask(digest: Buffer, name: string): Promise<Authentication> {
    const askedMs = deps.clock.monotonicMs();
    try {
      const found = await deps.directory.resolve(digest);
      const authentication = toAuthentication(found);
      const untilMs = askedMs + (found?.ttlMs ?? UNKNOWN_TTL_MS);
      remember(name, { authentication, untilMs, graceUntilMs: untilMs + OUTAGE_GRACE_MS });
      return authentication;
    } catch (error) {
      const known = cache.get(name);
      const isOutage = error instanceof OmgError && IS_TRANSIENT[error.code];
      if (!isOutage || known === undefined || known.graceUntilMs < askedMs) throw error;
      return known.authentication;
    }
  }

  function remember(name: string, cached: Cached): void {
    cache.delete(name);
    cache.set(name, cached);
    const [oldest] = cache.keys();
    if (cache.size > deps.maxCached && oldest !== undefined) cache.delete(oldest);
  }

  return async (key) => {
    if (key === undefined || !isClientKey(key)) return { refused: 'unknown' };
    const digest = clientKeyDigest(key);
    const name = digest.toString('base64');
    const cached = cache.get(name);
    if (cached !== undefined && cached.untilMs > deps.clock.monotonicMs()) return cached.authentication;
    const shared = asking.get(name);
    if (shared !== undefined) return await shared;
    const asked = ask(digest, name).finally(() => asking.delete(name));
    asking.set(name, asked);
    return await asked;
  };
}

function toAuthentication(found: Awaited<ReturnType<AccountDirectory['resolve']>>): Authentication {
  if (found === undefined) return { refused: 'unknown' };
  const { account, closed } = found;
  return closed === undefined ? { account } : { account, refused: closed };
}
