import { clientKeyDigest } from '@omg/client-key';
import { IS_TRANSIENT, OmgError } from '@omg/errors';
import type { Account, AccountDirectory, Clock, Closed } from './ports.ts';

/** Whose the key is, and why it opens nothing, where it does not. */
export type Authentication =
  | { readonly account: Account; readonly refused?: undefined }
  | { readonly account: Account; readonly refused: Closed }
  | { readonly account?: undefined; readonly refused: 'unknown' };

export interface AuthenticatorOptions {
  readonly directory: AccountDirectory;
  /** Whether a text can be a key at all; garbage is refused without asking anybody. */
  readonly isKey: (text: string) => boolean;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** How many accounts are kept in memory. */
  readonly maxCached: number;
}

interface Cached {
  readonly authentication: Authentication;
  /** Undefined for a key that does not exist. */
  readonly tenantId: string | undefined;
  readonly askedMs: number;
  readonly untilMs: number;
  /** Until then it still counts where nobody can be asked: traffic must not end because the ledger restarts. */
  readonly graceUntilMs: number;
}

interface NamedKey {
  readonly digest: Buffer;
  /** What the account is remembered under. */
  readonly name: string;
}

const OUTAGE_GRACE_MS = 120_000;

/** How long a key that does not exist is remembered as such. */
const UNKNOWN_TTL_MS = 5_000;

/** A ledger that just failed to answer is not waited for again by everybody whose account is known. */
const BREAK_MS = 1_000;

/** Changes are remembered for as long as an answer may be on its way that does not know them. */
const MAX_CHANGES = 10_000;

/**
 * Who presents a key. Accounts are remembered under the whole digest for as long as the ledger allows, and until it says
 * that they have changed; all who wait for the same one share a call.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #cache = new Map<string, Cached>();
  /** Of whole keys: their digests are not reckoned anew for each request. */
  readonly #names = new Map<string, NamedKey>();
  readonly #asking = new Map<string, Promise<Authentication>>();
  readonly #changedMs = new Map<string, number>();
  #allChangedMs = -Infinity;
  #brokenUntilMs = -Infinity;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** @param beforeAsking may throw, and is called for every key that was not good when it was last asked for */
  async authenticate(key: string | undefined, beforeAsking?: () => void): Promise<Authentication> {
    if (key === undefined) return { refused: 'unknown' };
    const named = this.#nameOf(key);
    if (named === undefined) {
      beforeAsking?.();
      return { refused: 'unknown' };
    }
    const { digest, name } = named;
    if (!this.#wasGood(name)) beforeAsking?.();
    const cached = this.#known(name);
    const nowMs = this.#options.clock.monotonicMs();
    if (cached !== undefined && this.#isFresh(cached, nowMs)) return cached.authentication;
    if (cached !== undefined && nowMs < this.#brokenUntilMs && nowMs < cached.graceUntilMs)
      return cached.authentication;
    const shared = this.#asking.get(name);
    if (shared !== undefined) return await shared;
    const asked = this.#ask(digest, name).finally(() => this.#asking.delete(name));
    this.#asking.set(name, asked);
    return await asked;
  }

  /** Something of the tenant or of a key of it was changed: nothing of it counts any more. */
  forget(tenantId: string): void {
    if (this.#changedMs.size >= MAX_CHANGES) {
      this.#changedMs.clear();
      this.#cache.clear();
    }
    this.#changedMs.set(tenantId, this.#options.clock.monotonicMs());
  }

  /** Anything may have been changed: it is asked for again, where somebody answers. */
  refreshAll(): void {
    this.#allChangedMs = this.#options.clock.monotonicMs();
    this.#changedMs.clear();
  }

  /** Undefined for what can be no key. */
  #nameOf(key: string): NamedKey | undefined {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const { isKey, maxCached } = this.#options;
    if (!isKey(key)) return undefined;
    const digest = clientKeyDigest(key);
    const named = { digest, name: digest.toString('base64') };
    const [oldest] = this.#names.keys();
    if (oldest !== undefined && this.#names.size >= maxCached) this.#names.delete(oldest);
    this.#names.set(key, named);
    return named;
  }

  /** When it was last asked for, however long ago and whatever was changed since. */
  #wasGood(name: string): boolean {
    const last = this.#cache.get(name);
    return last !== undefined && last.authentication.refused === undefined;
  }

  #isFresh({ untilMs, askedMs }: Cached, nowMs: number): boolean {
    return nowMs < untilMs && askedMs > this.#allChangedMs;
  }

  /** What is known, unless it is known to be other by now. */
  #known(name: string): Cached | undefined {
    const cached = this.#cache.get(name);
    return cached === undefined || this.#isChanged(cached) ? undefined : cached;
  }

  #isChanged({ tenantId, askedMs }: Pick<Cached, 'tenantId' | 'askedMs'>): boolean {
    return tenantId !== undefined && askedMs <= (this.#changedMs.get(tenantId) ?? -Infinity);
  }

  async #ask(digest: Buffer, name: string): Promise<Authentication> {
    const { clock, directory } = this.#options;
    for (;;) {
      const askedMs = clock.monotonicMs();
      try {
        const found = await directory.resolve(digest);
        const authentication = toAuthentication(found);
        const untilMs = askedMs + (found?.ttlMs ?? UNKNOWN_TTL_MS);
        const tenantId = found?.account.tenantId;
        // it was changed while the answer was on its way
        if (this.#isChanged({ tenantId, askedMs })) continue;
        this.#remember(name, { authentication, tenantId, askedMs, untilMs, graceUntilMs: untilMs + OUTAGE_GRACE_MS });
        return authentication;
      } catch (error) {
        const known = this.#known(name);
        const isOutage = error instanceof OmgError && IS_TRANSIENT[error.code];
        if (isOutage) this.#brokenUntilMs = clock.monotonicMs() + BREAK_MS;
        if (!isOutage || known === undefined || known.graceUntilMs < askedMs) throw error;
        return known.authentication;
      }
    }
  }

  #remember(name: string, cached: Cached): void {
    this.#cache.delete(name);
    this.#cache.set(name, cached);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > this.#options.maxCached && oldest !== undefined) this.#cache.delete(oldest);
  }
}

function toAuthentication(found: Awaited<ReturnType<AccountDirectory['resolve']>>): Authentication {
  if (found === undefined) return { refused: 'unknown' };
  const { account, closed } = found;
  return closed === undefined ? { account } : { account, refused: closed };
}
