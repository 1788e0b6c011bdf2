import type { keyBrokerV1 } from '@omg/proto-gen';
import { fromOwnerMessage } from '@omg/quota-link';
import type { HoldFrame, KeyAccess, KeyInfo, ProxyAddress } from '../domain/pool/pool-types.ts';
import type { ProviderEndpoint, ProviderSpec } from '../domain/provider-registry.ts';
import { toProxyType } from './proxy-type.ts';

export function toHoldResponse(frame: HoldFrame, term: number, spec: ProviderSpec): keyBrokerV1.HoldResponse {
  const { quota, pool, proxies, goneProxies, keys, goneKeys, snapshot, affinity, probes } = frame;
  return {
    term: BigInt(term),
    quota: quota.map(fromOwnerMessage),
    pool:
      pool === undefined
        ? undefined
        : {
            heldForMs: Math.ceil(pool.heldForMs),
            probeWanted: pool.probeWanted,
            nextCooldownMs: Math.ceil(pool.nextCooldownMs),
          },
    proxies: proxies.map(({ address, usable }) => ({ proxy: toProxy(address), usable })),
    goneProxies,
    keys: keys.map((key) => toKeyInfo(key, spec)),
    goneKeys,
    snapshot,
    affinity:
      affinity === undefined
        ? undefined
        : {
            from: affinity.from === undefined ? undefined : BigInt(affinity.from),
            version: BigInt(affinity.version),
            buckets: affinity.buckets,
            moves: affinity.moves.map(({ keyId = '', buckets }) => ({ keyId, buckets })),
          },
    probes: probes.map(({ ref, keyId, generation, probeId, access, ttlMs }) => ({
      ref: BigInt(ref),
      keyId,
      generation,
      probeId: probeId === undefined ? undefined : BigInt(probeId),
      access: toAccess(access, spec),
      ttlMs,
    })),
  };
}

export function toProxy({ id, type, host, port, username, password }: ProxyAddress): keyBrokerV1.Proxy {
  return { proxyId: id, type: toProxyType(type), host, port, username, password };
}

export function toEndpoint(
  name: 'primary' | 'backup',
  { baseUrl, chatCompletionsPath, messagesPath }: ProviderEndpoint,
  http2: boolean,
): keyBrokerV1.Endpoint {
  return { name, baseUrl, chatCompletionsPath, messagesPath, http2 };
}

function toKeyInfo({ access, ...info }: KeyInfo, spec: ProviderSpec): keyBrokerV1.KeyInfo {
  return { ...info, access: access === undefined ? undefined : toAccess(access, spec) };
}

function toAccess({ secret, endpoint, route }: KeyAccess, spec: ProviderSpec): keyBrokerV1.KeyAccess {
  const backup = endpoint === 'backup' ? spec.backup : undefined;
  return {
    secret,
    // a key at the backup endpoint of a provider that has none any more goes on at the only one there is
    endpoint: toEndpoint(backup === undefined ? 'primary' : 'backup', backup ?? spec.primary, spec.http2),
    route: toRoute(route),
  };
}

function toRoute(route: KeyAccess['route']): keyBrokerV1.KeyAccess['route'] {
  switch (route.via) {
    case 'direct':
      return { $case: 'direct', value: true };
    case 'any':
      return { $case: 'anyProxy', value: true };
    case 'proxy':
      return { $case: 'proxyId', value: route.proxyId };
  }
}
