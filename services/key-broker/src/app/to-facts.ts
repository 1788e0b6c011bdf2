import type { KeyRecord } from '../domain/pool/pool-keys.ts';
import type { ProxyAddress, ProxyFacts } from '../domain/pool/pool-types.ts';
import { NEW_PROXY_HEALTH } from '../domain/proxy-health.ts';
import type { PoolRecords, Rotated, StoredBinding, StoredKey, StoredProxy } from './pool-store.ts';

/** The keys of a pool with their bindings, as its core takes them. */
export function factsOfKeys({ keys, bindings }: PoolRecords): readonly KeyRecord[] {
  const byKey = Map.groupBy(bindings, ({ keyId }) => keyId);
  return keys.map((key) => toRecord(key, byKey.get(key.id) ?? []));
}

export function factsOfSuccessor({ successor, bindings }: Rotated): KeyRecord {
  return toRecord(successor, bindings);
}

export function factsOfProxies({ proxies }: PoolRecords, provider: string): readonly ProxyFacts[] {
  return proxies.map((proxy) => ({
    address: addressOf(proxy),
    isActive: proxy.isActive,
    health: proxy.health[provider] ?? NEW_PROXY_HEALTH,
  }));
}

export function addressOf({ id, type, host, port, username, password }: StoredProxy): ProxyAddress {
  return {
    id,
    type,
    host,
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

function toRecord(key: StoredKey, bindings: readonly StoredBinding[]): KeyRecord {
  const { id, secret, terms, state, changedByHand } = key;
  return { facts: { id, secret, terms, state, bindings }, changedByHand };
}
