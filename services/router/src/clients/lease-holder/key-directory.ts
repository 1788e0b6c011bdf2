import { KeyRing } from '@omg/affinity';
import type { Dialect } from '@omg/llm-wire';
import type { ProxyAddress } from '@omg/proxy-connect';
import type { Amounts } from '@omg/quota';

/** How a key's requests go; `any`: through whichever proxy of the pool has its turn. */
export type Route =
  | { readonly via: 'direct' }
  | { readonly via: 'proxy'; readonly proxyId: string }
  | { readonly via: 'any' };

export interface KeyAccess {
  readonly secret: string;
  readonly endpointName: string;
  readonly urls: Readonly<Record<Dialect, string>>;
  readonly http2: boolean;
  readonly route: Route;
}

/** What is known of a key that may be leased. */
export interface KeyEntry {
  readonly keyId: string;
  readonly generation: bigint;
  readonly usable: boolean;
  /** Empty: every model. */
  readonly allowedModels: ReadonlySet<string>;
  readonly deniedModels: ReadonlySet<string>;
  readonly limitsRequests: boolean;
  readonly limitsTokens: boolean;
  readonly access: KeyAccess | undefined;
}

export interface ProxyEntry {
  readonly address: ProxyAddress;
  /** Has its turn among those for keys without a proxy of their own. */
  readonly usable: boolean;
}

export interface DirectoryUpdate {
  readonly keys: readonly KeyEntry[];
  readonly goneKeys: readonly string[];
  readonly proxies: readonly ProxyEntry[];
  readonly goneProxies: readonly string[];
  /** Everything is named: others are gone. */
  readonly snapshot: boolean;
}

/** What the broker has said about its keys and proxies. */
export class KeyDirectory {
  readonly #keys = new Map<string, KeyEntry>();
  /** Usable keys in turn. */
  readonly #ring = new KeyRing();
  readonly #proxies = new Map<string, ProxyEntry>();
  #usableProxies: readonly ProxyAddress[] = [];
  #proxyTurn = 0;
  #limitingRequests = 0;
  #limitingTokens = 0;

  get size(): number {
    return this.#keys.size;
  }

  get usableKeys(): number {
    return this.#ring.size;
  }

  get(keyId: string): KeyEntry | undefined {
    return this.#keys.get(keyId);
  }

  apply({ keys, goneKeys, proxies, goneProxies, snapshot }: DirectoryUpdate): void {
    if (snapshot) {
      const named = new Set(keys.map(({ keyId }) => keyId));
      for (const keyId of this.#keys.keys()) if (!named.has(keyId)) this.#remove(keyId);
      this.#proxies.clear();
    }
    for (const keyId of goneKeys) this.#remove(keyId);
    for (const entry of keys) this.#set(entry);
    for (const id of goneProxies) this.#proxies.delete(id);
    for (const proxy of proxies) this.#proxies.set(proxy.address.id, proxy);
    if (!snapshot && proxies.length === 0 && goneProxies.length === 0) return;
    this.#usableProxies = [...this.#proxies.values()].flatMap(({ address, usable }) => (usable ? [address] : []));
  }

  /** The next usable key in turn that fits. */
  next(fits: (entry: KeyEntry) => boolean): KeyEntry | undefined {
    const keyId = this.#ring.next((id) => {
      const entry = this.#keys.get(id);
      return entry !== undefined && fits(entry);
    });
    return keyId === undefined ? undefined : this.#keys.get(keyId);
  }

  /** Whether a usable key would do, if there were a way to use it. */
  lacksOnlyRoute(fits: (entry: KeyEntry) => boolean): boolean {
    return this.#keys
      .values()
      .some((entry) => entry.usable && entry.access !== undefined && !this.hasRoute(entry) && fits(entry));
  }

  /** Where the broker has said how the key is used, whether it can be used so. */
  hasRoute({ access }: KeyEntry): boolean {
    switch (access?.route.via) {
      case 'proxy':
        return this.#proxies.has(access.route.proxyId);
      case 'any':
        return this.#usableProxies.length > 0;
      case 'direct':
      case undefined:
        return true;
    }
  }

  /** `none`: there is no way. */
  takeRoute(route: Route): ProxyAddress | undefined | 'none' {
    switch (route.via) {
      case 'direct':
        return undefined;
      case 'proxy':
        return this.#proxies.get(route.proxyId)?.address ?? 'none';
      case 'any':
        this.#proxyTurn = (this.#proxyTurn + 1) % Math.max(1, this.#usableProxies.length);
        return this.#usableProxies[this.#proxyTurn] ?? 'none';
    }
  }

  /** What one request takes of a key. */
  needOf({ limitsRequests, limitsTokens }: KeyEntry, tokens: number): Amounts {
    return need(limitsRequests, limitsTokens ? tokens : 0);
  }

  /** What it takes of whichever key the broker chooses. */
  needOfAny(tokens: number): Amounts {
    return need(this.#limitingRequests > 0, this.#limitingTokens > 0 ? tokens : 0);
  }

  #set(entry: KeyEntry): void {
    const { keyId, generation, usable } = entry;
    const before = this.#keys.get(keyId);
    // access is told once; another generation may be another secret or endpoint
    const isSame = entry.access === undefined && before?.generation === generation;
    this.#count(before, -1);
    this.#count(entry, 1);
    this.#keys.set(keyId, isSame ? { ...entry, access: before.access } : entry);
    if (usable) this.#ring.add(keyId);
    else this.#ring.remove(keyId);
  }

  #remove(keyId: string): void {
    this.#count(this.#keys.get(keyId), -1);
    this.#keys.delete(keyId);
    this.#ring.remove(keyId);
  }

  #count(entry: KeyEntry | undefined, by: 1 | -1): void {
    if (entry?.limitsRequests === true) this.#limitingRequests += by;
    if (entry?.limitsTokens === true) this.#limitingTokens += by;
  }
}

const SLOT: Amounts = { slots: 1 };
const SLOT_AND_REQUEST: Amounts = { slots: 1, requests: 1 };

function need(requests: boolean, tokens: number): Amounts {
  const amounts = requests ? SLOT_AND_REQUEST : SLOT;
  return tokens > 0 ? { ...amounts, tokens } : amounts;
}
