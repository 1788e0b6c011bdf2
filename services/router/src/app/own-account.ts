import { mayUse, type KeyTerms } from '../domain/key-terms.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { Clock, Tokens, UsageSource } from './ports.ts';
import { askLedger, authenticated, type ClientRequest, type PrepareRequestDeps } from './prepare-request.ts';

/** What a client key may know of its account. */
export interface OwnAccount {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly clientKeyId: string;
  readonly clientKeyName: string;
  readonly expiresAt: Date | undefined;
  readonly keyTerms: KeyTerms | undefined;
  /** What is left of each purse. */
  readonly creditsNanoUsd: bigint;
  readonly refCreditsNanoUsd: bigint;
  readonly balanceNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  /** At this site. */
  readonly keyLimits: OwnLimits;
  readonly tenantLimits: OwnLimits;
  readonly keyBudget: OwnBudget | undefined;
  readonly tenantBudget: OwnBudget | undefined;
  /** Of the key, newest first. */
  readonly lastRequests: readonly OwnRequest[];
}

export interface OwnLimits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly parallel: number;
}

/** A budget in the window that counts now. */
export interface OwnBudget {
  readonly nanoUsd: bigint;
  readonly period: 'day' | 'week' | 'month' | 'rolling';
  /** Of a rolling one. */
  readonly days: number | undefined;
  readonly timeZone: string;
  readonly hard: boolean;
  readonly warnAt: number;
  readonly windowId: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly spentNanoUsd: bigint;
  readonly leftNanoUsd: bigint;
  readonly warning: boolean;
}

export interface OwnRequest {
  readonly requestId: string;
  readonly acceptedAt: Date;
  readonly site: string;
  readonly model: string;
  readonly stream: boolean;
  readonly statusCode: number;
  readonly success: boolean;
  readonly tokens: Tokens;
  readonly usageSource: UsageSource;
  readonly costNanoUsd: bigint;
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
}

export interface OwnAccountDirectory {
  /** Throws an OmgError where nobody can be asked. */
  ownAccount: (question: {
    readonly clientKeyId: string;
    readonly site: string;
    readonly lastRequests: number;
  }) => Promise<OwnAccount>;
}

export interface OwnAccountDeps {
  readonly authenticate: PrepareRequestDeps['authenticate'];
  readonly directory: OwnAccountDirectory;
  readonly site: () => { readonly name: string };
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export interface OwnAccountRequest extends Pick<ClientRequest, 'headers' | 'address' | 'trail'> {
  /** How many of the last requests. */
  readonly limit: number;
}

export const MAX_OWN_REQUESTS = 100;
export const USUAL_OWN_REQUESTS = 20;

/** Who asks more often than that gets the same answer. */
const FRESH_MS = 1_000;
const MAX_CACHED = 1_000;

interface Cached {
  readonly account: Promise<OwnAccount>;
  readonly untilMs: number;
}

/** What the client's key may know of its account; throws a GatewayFailure. Costs the ledger two calls a second and key. */
export function makeOwnAccount(deps: OwnAccountDeps): (request: OwnAccountRequest) => Promise<OwnAccount> {
  const cache = new Map<string, Cached>();

  async function shared(clientKeyId: string, limit: number): Promise<OwnAccount> {
    // two sizes, else another limit each time would be another question each time
    const lastRequests = limit <= USUAL_OWN_REQUESTS ? USUAL_OWN_REQUESTS : MAX_OWN_REQUESTS;
    const name = `${lastRequests} ${clientKeyId}`;
    const known = cache.get(name);
    if (known !== undefined && deps.clock.monotonicMs() < known.untilMs) return await known.account;
    const asked = deps.directory.ownAccount({ clientKeyId, site: deps.site().name, lastRequests });
    const cached = { account: asked, untilMs: deps.clock.monotonicMs() + FRESH_MS };
    cache.delete(name);
    cache.set(name, cached);
    const [oldest] = cache.keys();
    if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
    try {
      return await asked;
    } catch (error) {
      // the next one asks again
      if (cache.get(name) === cached) cache.delete(name);
      throw error;
    }
  }

  return async (request) => {
    const { clientKeyId, keyTerms } = await authenticated(deps, request);
    if (!mayUse(keyTerms, { scope: 'account', site: deps.site().name }))
      throw new GatewayFailure('forbidden', 'this API key may not ask for its account here');
    const account = await askLedger(async () => await shared(clientKeyId, request.limit));
    return { ...account, lastRequests: account.lastRequests.slice(0, request.limit) };
  };
}
