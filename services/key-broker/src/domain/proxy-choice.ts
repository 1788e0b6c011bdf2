/** A proxy as far as choosing one is concerned. */
export interface ProxyCandidate {
  readonly id: string;
  /**
   * `shaky`: its last result was a failure; `unproven`: none went well yet, so only keys that are bound to it use it;
   * `unusable`: off, cooling down, or held.
   */
  readonly standing: 'healthy' | 'shaky' | 'unproven' | 'unusable';
}

export interface ProxyBinding {
  readonly proxyId: string;
  /** 1 to 10, 1 first. */
  readonly priority: number;
  readonly isActive: boolean;
}

export type ProxyPolicy = 'allowed' | 'required' | 'none';

export interface ProxyQuestion {
  /** Of the key that is leased. */
  readonly bindings: readonly ProxyBinding[];
  readonly proxies: readonly ProxyCandidate[];
  /** What the provider says. */
  readonly policy: ProxyPolicy;
  readonly allowDirect: boolean;
  /** The proxy that the last key without bindings got. */
  readonly lastProxyId: string | undefined;
}

export type ProxyRefusal = 'bound_proxies_unusable' | 'no_usable_proxy' | 'no_proxy';

export type ProxyChoice =
  | { readonly via: 'proxy'; readonly proxyId: string }
  | { readonly via: 'direct' }
  | { readonly via: 'none'; readonly reason: ProxyRefusal };

/** How a key's next lease reaches its provider: never directly unless that is allowed. */
export function chooseProxy(question: ProxyQuestion): ProxyChoice {
  const { bindings, proxies, policy, allowDirect, lastProxyId } = question;
  if (policy === 'none') return { via: 'direct' };
  const active = bindings.filter(({ isActive }) => isActive);
  const proxyId = active.length > 0 ? firstOfBound(active, proxies) : nextOfPool(bindings, proxies, lastProxyId);
  if (proxyId !== undefined) return { via: 'proxy', proxyId };
  if (policy === 'allowed' && allowDirect) return { via: 'direct' };
  if (active.length > 0) return { via: 'none', reason: 'bound_proxies_unusable' };
  return { via: 'none', reason: proxies.length === 0 ? 'no_proxy' : 'no_usable_proxy' };
}

/** By priority, the healthy ones first. */
function firstOfBound(bindings: readonly ProxyBinding[], proxies: readonly ProxyCandidate[]): string | undefined {
  const standings = new Map(proxies.map(({ id, standing }) => [id, standing]));
  const inOrder = bindings.toSorted((a, b) => a.priority - b.priority || (a.proxyId < b.proxyId ? -1 : 1));
  const withStanding = (wanted: ProxyCandidate['standing']): string | undefined =>
    inOrder.find(({ proxyId }) => standings.get(proxyId) === wanted)?.proxyId;
  return withStanding('healthy') ?? withStanding('shaky') ?? withStanding('unproven');
}

/** In turn; a proxy that the key was once bound to, and is no longer, is not for it. */
function nextOfPool(
  inactive: readonly ProxyBinding[],
  proxies: readonly ProxyCandidate[],
  lastProxyId: string | undefined,
): string | undefined {
  const excluded = new Set(inactive.map(({ proxyId }) => proxyId));
  const idsWith = (wanted: ProxyCandidate['standing']): string[] =>
    proxies.flatMap(({ id, standing }) => (standing === wanted && !excluded.has(id) ? [id] : [])).toSorted();
  const healthy = idsWith('healthy');
  const ids = healthy.length > 0 ? healthy : idsWith('shaky');
  return ids.find((id) => lastProxyId === undefined || id > lastProxyId) ?? ids[0];
}
