import { bindService, type BoundService } from '@omg/grpc';
import { keyBrokerV1, quotaV1 } from '@omg/proto-gen';
import type { AcquireLeasesInput, AcquireLeasesResult } from '../app/acquire-leases.ts';
import type { RenewLeasesResult } from '../app/renew-leases.ts';
import type { ProviderState } from '../app/list-providers.ts';
import type { Denial } from '../domain/lease-table.ts';
import type { Endpoint } from '../domain/provider.ts';

export interface KeyBrokerUseCases {
  readonly acquireLeases: (input: AcquireLeasesInput) => AcquireLeasesResult;
  readonly renewLeases: (leaseIds: readonly string[]) => RenewLeasesResult;
  readonly releaseLeases: (leaseIds: readonly string[]) => void;
  readonly listProviders: () => readonly ProviderState[];
}

export function keyBrokerService(useCases: KeyBrokerUseCases): BoundService {
  return bindService(keyBrokerV1.KeyBrokerService, {
    acquireLeases: async (request) => ({
      result: toResult(useCases.acquireLeases({ ...request, count: request.count === 0 ? 1 : request.count })),
    }),
    renewLeases: async ({ leaseIds }) => useCases.renewLeases(leaseIds),
    releaseLeases: async ({ leaseIds }) => {
      useCases.releaseLeases(leaseIds);
      return {};
    },
    listProviders: async () => ({ providers: useCases.listProviders().map(toProvider) }),
  });
}

function toResult(result: AcquireLeasesResult): keyBrokerV1.AcquireLeasesResponse['result'] {
  if ('denied' in result) return { $case: 'denied', value: toDeny(result.denied) };
  const { provider, ttlMs } = result;
  const leases = result.granted.map(({ id, key }) => ({
    leaseId: id,
    provider: provider.name,
    keyId: key.id,
    secret: key.secret,
    generation: key.generation,
    endpoint: toEndpoint((key.status === 'using_failover' ? provider.backup : undefined) ?? provider.primary),
    proxy: undefined,
    ttlMs,
  }));
  return { $case: 'granted', value: { leases } };
}

const DENY_REASON: Record<Denial['reason'], quotaV1.DenyReason> = {
  none_available: quotaV1.DenyReason.NONE_AVAILABLE,
  slots: quotaV1.DenyReason.SLOTS,
};

function toDeny({ reason, retryAfterMs }: Denial): quotaV1.Deny {
  return { reason: DENY_REASON[reason], retryAfterMs };
}

function toEndpoint(endpoint: Endpoint): keyBrokerV1.Endpoint {
  return { ...endpoint };
}

function toProvider({ provider, keys, keysAvailable, slotsInUse }: ProviderState): keyBrokerV1.Provider {
  return {
    name: provider.name,
    ready: keysAvailable > 0,
    keys,
    keysAvailable,
    slotsInUse,
    endpoint: toEndpoint(provider.primary),
    backupEndpoint: provider.backup === undefined ? undefined : toEndpoint(provider.backup),
  };
}
