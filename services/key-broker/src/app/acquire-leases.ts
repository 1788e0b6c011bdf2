import { affinityHash } from '@omg/affinity';
import { OmgError } from '@omg/errors';
import { makeLeaseId } from '../domain/lease-id.ts';
import { keyOfConversation } from '../domain/pool/pool-holders.ts';
import type { ProxyAddress, RefusalReason } from '../domain/pool/pool-types.ts';
import type { UnaryAnswer, UnaryLease, UnaryWish } from '../domain/pool/unary-desk.ts';
import type { ProviderEndpoint, ProviderSpec } from '../domain/provider-registry.ts';
import type { PoolClock } from './pool-clock.ts';
import type { PoolKeeper } from './pool-keeper.ts';
import type { Offices } from './pool-offices.ts';

export interface AcquireLeasesInput {
  readonly service: string;
  readonly provider: string;
  readonly model: string;
  readonly count: number;
  readonly affinityKey: string | undefined;
  readonly tokens: number;
  readonly excludeKeys: readonly string[];
  readonly signal: AbortSignal;
}

export interface GrantedLease {
  readonly lease: UnaryLease;
  readonly endpoint: ProviderEndpoint;
  readonly proxy: ProxyAddress | undefined;
}

export type AcquireLeasesResult =
  | { readonly granted: readonly GrantedLease[]; readonly spec: ProviderSpec; readonly ttlMs: number }
  | { readonly refused: RefusalReason | 'unavailable'; readonly retryAfterMs: number | undefined };

export interface AcquireLeasesDeps {
  readonly offices: Offices;
  readonly clock: PoolClock;
  readonly makeId: () => string;
}

const MAX_LEASES = 1_000;

/** Leases for a caller without a stream: as many as can be had of those that it wants, and if none, why. */
export function makeAcquireLeases(
  deps: AcquireLeasesDeps,
): (input: AcquireLeasesInput) => Promise<AcquireLeasesResult> {
  return async (input) => {
    if (input.count > MAX_LEASES) throw new OmgError('invalid_argument', `at most ${MAX_LEASES} leases at once`);
    const keeper = deps.offices.get(input.provider);
    await keeper.knowUnary();
    const answers = await Promise.all(
      Array.from({ length: Math.max(1, input.count) }, async () => await acquire(deps, keeper, input)),
    );
    const granted = answers.flatMap((answer) => ('lease' in answer ? [withWay(keeper, answer.lease)] : []));
    const refused = answers.find((answer) => 'refused' in answer);
    if (granted.length === 0 && refused !== undefined) return refused;
    return { granted, spec: keeper.provider, ttlMs: keeper.pool.config.ttlMs };
  };
}

async function acquire(deps: AcquireLeasesDeps, keeper: PoolKeeper, input: AcquireLeasesInput): Promise<UnaryAnswer> {
  const { service, provider, model, affinityKey, tokens, excludeKeys, signal } = input;
  const nowMs = deps.clock.nowMs();
  const keyId =
    affinityKey === undefined ? '' : keyOfConversation(keeper.pool, affinityHash(service, affinityKey), nowMs);
  const wish: UnaryWish = { service, model, keyId, exclude: excludeKeys, tokens };
  const { promise, resolve } = Promise.withResolvers<UnaryAnswer>();
  const leaseId = (id: string): string => makeLeaseId({ provider, term: keeper.pool.term, keyId: id }, deps.makeId());
  const { abandon } = keeper.desk.acquire(wish, { leaseId, answer: resolve }, nowMs);
  keeper.touched();
  const gone = (): void => {
    abandon();
    resolve({ refused: 'unavailable', retryAfterMs: undefined });
  };
  signal.addEventListener('abort', gone, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', gone);
  }
}

function withWay(keeper: PoolKeeper, lease: UnaryLease): GrantedLease {
  const { primary, backup } = keeper.provider;
  return {
    lease,
    endpoint: (lease.endpoint === 'backup' ? backup : undefined) ?? primary,
    proxy: lease.proxyId === undefined ? undefined : keeper.pool.proxies.facts(lease.proxyId)?.address,
  };
}
