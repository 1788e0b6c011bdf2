import { OmgError } from '@omg/errors';
import { bindService, type BoundService } from '@omg/grpc';
import { keyBrokerV1, quotaV1 } from '@omg/proto-gen';
import { toHolderMessage } from '@omg/quota-link';
import type { AcquireLeasesInput, AcquireLeasesResult } from '../app/acquire-leases.ts';
import type { HoldInput } from '../app/hold.ts';
import type { ProviderNow } from '../app/list-providers.ts';
import type { RenewLeasesResult } from '../app/renew-leases.ts';
import type { ReportedOutcome } from '../app/report-outcomes.ts';
import { parseLeaseId } from '../domain/lease-id.ts';
import type { HoldFrame, RefusalReason } from '../domain/pool/pool-types.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import { fromHolderOutcome } from './from-holder-outcome.ts';
import { fromOutcomeCause } from './outcome-cause.ts';
import { toEndpoint, toHoldResponse, toProxy } from './to-hold-response.ts';

export interface KeyBrokerUseCases {
  readonly hold: (
    input: AsyncIterable<HoldInput>,
    call: { readonly service: string; readonly signal: AbortSignal },
  ) => AsyncIterable<{ readonly frame: HoldFrame; readonly term: number; readonly spec: ProviderSpec }>;
  readonly acquireLeases: (input: AcquireLeasesInput) => Promise<AcquireLeasesResult>;
  readonly renewLeases: (input: { service: string; leaseIds: readonly string[] }) => RenewLeasesResult;
  readonly releaseLeases: (input: { service: string; leaseIds: readonly string[] }) => void;
  readonly reportOutcomes: (input: {
    service: string;
    outcomes: readonly ReportedOutcome[];
  }) => Promise<{ readonly unknownLeaseIds: readonly string[] }>;
  readonly listProviders: () => readonly ProviderNow[];
  /** Throws `permission_denied`. */
  readonly mayLease: (service: string, provider: string) => void;
}

export function keyBrokerService(useCases: KeyBrokerUseCases): BoundService {
  // an id can be made up: whoever may not lease of a pool may say nothing of its keys either
  const mayUse = (caller: string, leaseIds: readonly string[]): void => {
    const providers = new Set(leaseIds.flatMap((id) => parseLeaseId(id)?.provider ?? []));
    for (const provider of providers) useCases.mayLease(caller, provider);
  };
  return bindService(keyBrokerV1.KeyBrokerService, {
    async *hold(requests, { caller, signal }) {
      const inputs = toInputs(requests, (provider) => {
        useCases.mayLease(caller, provider);
      });
      for await (const { frame, term, spec } of useCases.hold(inputs, { service: caller, signal })) {
        yield toHoldResponse(frame, term, spec);
      }
    },
    acquireLeases: async ({ provider, model, count, affinityKey, tokens, excludeKeys }, { caller, signal }) => {
      useCases.mayLease(caller, provider);
      const wish = { service: caller, provider, model, count, affinityKey, tokens, excludeKeys, signal };
      return { result: toResult(await useCases.acquireLeases(wish)) };
    },
    renewLeases: async ({ leaseIds }, { caller }) => {
      mayUse(caller, leaseIds);
      return useCases.renewLeases({ service: caller, leaseIds });
    },
    releaseLeases: async ({ leaseIds }, { caller }) => {
      mayUse(caller, leaseIds);
      useCases.releaseLeases({ service: caller, leaseIds });
      return {};
    },
    reportOutcomes: async ({ outcomes }, { caller }) => {
      mayUse(
        caller,
        outcomes.map(({ leaseId }) => leaseId),
      );
      return await useCases.reportOutcomes({ service: caller, outcomes: outcomes.map(toReported) });
    },
    listProviders: async () => ({ providers: useCases.listProviders().map(toProvider) }),
  });
}

async function* toInputs(
  requests: AsyncIterable<keyBrokerV1.HoldRequest>,
  mayLease: (provider: string) => void,
): AsyncGenerator<HoldInput> {
  for await (const { open, quota, outcomes, touchedBuckets, wantAffinity } of requests) {
    if (open !== undefined) {
      mayLease(open.provider);
      yield { open };
      continue;
    }
    yield {
      frame: {
        quota: quota.flatMap((message) => toHolderMessage(message) ?? []),
        outcomes: outcomes.map(fromHolderOutcome),
        touchedBuckets,
        wantAffinity,
      },
    };
  }
}

function toResult(result: AcquireLeasesResult): keyBrokerV1.AcquireLeasesResponse['result'] {
  if ('refused' in result) return { $case: 'denied', value: toDeny(result) };
  const { spec, ttlMs } = result;
  const leases = result.granted.map(({ lease, endpoint, proxy }) => ({
    leaseId: lease.id,
    provider: spec.name,
    keyId: lease.keyId,
    secret: lease.secret,
    generation: lease.generation,
    endpoint: toEndpoint(endpoint === spec.backup ? 'backup' : 'primary', endpoint, spec.http2),
    proxy: proxy === undefined ? undefined : toProxy(proxy),
    ttlMs,
    probe: lease.probe !== undefined,
  }));
  return { $case: 'granted', value: { leases } };
}

const DENY: Record<RefusalReason | 'unavailable', { readonly reason: quotaV1.DenyReason; readonly message: string }> = {
  none_available: {
    reason: quotaV1.DenyReason.NONE_AVAILABLE,
    message: 'every key that fits is disabled, in a cooldown or not allowed for the model',
  },
  slots: { reason: quotaV1.DenyReason.SLOTS, message: 'all slots of the keys that fit are taken' },
  no_proxy: {
    reason: quotaV1.DenyReason.NO_PROXY,
    message: 'no proxy that a key may be used through can be used, and direct connections are not allowed',
  },
  held: {
    reason: quotaV1.DenyReason.HELD,
    message: 'many keys of the provider failed alike: it is held until a probe gets through',
  },
  unavailable: { reason: quotaV1.DenyReason.NONE_AVAILABLE, message: 'the pool changes its owner, ask again' },
};

function toDeny(result: Extract<AcquireLeasesResult, { refused: unknown }>): quotaV1.Deny {
  return { ...DENY[result.refused], retryAfterMs: Math.ceil(result.retryAfterMs ?? 0) };
}

function toReported(outcome: keyBrokerV1.LeaseOutcome): ReportedOutcome {
  const { leaseId, sequence, startedAt, tokens, retryAfterMs } = outcome;
  if (sequence === 0) throw new OmgError('invalid_argument', `an outcome of lease ${leaseId} has no sequence number`);
  return {
    ...outcome,
    cause: fromOutcomeCause(outcome.cause),
    retryAfterMs,
    startedAtMs: startedAt?.getTime() ?? 0,
    tokens:
      tokens === undefined
        ? undefined
        : {
            input: Number(tokens.input),
            output: Number(tokens.output),
            cacheWrite5m: Number(tokens.cacheWrite5m),
            cacheWrite1h: Number(tokens.cacheWrite1h),
            cacheRead: Number(tokens.cacheRead),
            estimated: tokens.estimated,
          },
  };
}

function toProvider({ spec, owner, pool }: ProviderNow): keyBrokerV1.Provider {
  return {
    name: spec.name,
    ready: pool?.reason === '',
    keys: pool?.keys ?? 0,
    keysAvailable: pool?.keysAvailable ?? 0,
    slotsInUse: pool?.slotsInUse ?? 0,
    endpoint: toEndpoint('primary', spec.primary, spec.http2),
    backupEndpoint: spec.backup === undefined ? undefined : toEndpoint('backup', spec.backup, spec.http2),
    statuses: [...(pool?.statuses ?? [])].map(([status, count]) => ({ status, count })),
    backupKeysLeft: pool?.backupKeysLeft ?? 0,
    proxies: pool?.proxies ?? 0,
    proxiesUsable: pool?.proxiesUsable ?? 0,
    owner,
    reason: pool?.reason ?? (owner === '' ? 'nobody owns the pool at the moment' : `the pool is owned by ${owner}`),
    proxyPolicy: spec.proxies,
  };
}
