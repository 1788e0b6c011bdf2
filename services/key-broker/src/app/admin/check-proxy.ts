import type { ProviderSpec } from '../../domain/provider-registry.ts';
import type { StoredProxy } from '../pool-store.ts';
import type { ProxyCheck } from '../upstream-ports.ts';
import { existingProxy, type AdminDeps } from './admin-deps.ts';

export interface CheckProxyDeps extends AdminDeps {
  /** Reaches the provider through the proxy; has a deadline of its own; throws only the signal's reason. */
  readonly checkProxy: (proxy: StoredProxy, provider: ProviderSpec, signal: AbortSignal) => Promise<ProxyCheck>;
}

export interface CheckProxyInput {
  readonly provider: string;
  readonly proxyId: string;
}

export function makeCheckProxy({
  offices,
  checkProxy,
}: CheckProxyDeps): (input: CheckProxyInput, signal: AbortSignal) => Promise<ProxyCheck> {
  return async ({ provider, proxyId }, signal) => {
    const office = offices.get(provider);
    return await checkProxy(existingProxy(office, proxyId).proxy, office.provider, signal);
  };
}
