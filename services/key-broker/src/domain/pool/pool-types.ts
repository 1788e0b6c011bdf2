import type { OwnerMessage } from '@omg/quota';
import type { AffinityDelta } from '@omg/affinity';
import type { AttributionConfig } from '../attribution-config.ts';
import type { AffinityConfig } from '../affinity-table.ts';
import type { OutcomeCause, HistoryEntry } from '../key-event.ts';
import type { KeyState, EndpointName } from '../key-state.ts';
import type { KeyStateConfig } from '../key-state-config.ts';
import type { ProxyBinding } from '../proxy-choice.ts';
import type { ProxyHealth, ProxyHealthConfig } from '../proxy-health.ts';
import type { KeyTerms } from '../rotation-plan.ts';

/** What the pool knows of a key from outside; its state is the pool's own once it is there. */
export interface KeyFacts {
  readonly id: string;
  readonly secret: string;
  readonly terms: KeyTerms;
  readonly state: KeyState;
  readonly bindings: readonly ProxyBinding[];
}

/** Where a key's next lease goes through. `any`: whichever proxy of the pool has its turn. */
export type Route =
  | { readonly via: 'direct' }
  | { readonly via: 'proxy'; readonly proxyId: string }
  | { readonly via: 'any' }
  | { readonly via: 'none'; readonly reason: 'bound_proxies_unusable' | 'no_usable_proxy' | 'no_proxy' };

export interface ProxyAddress {
  readonly id: string;
  readonly type: 'http' | 'https' | 'socks5';
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

export interface ProxyFacts {
  readonly address: ProxyAddress;
  readonly isActive: boolean;
  readonly health: ProxyHealth;
}

export interface PoolConfig {
  readonly keyState: KeyStateConfig;
  readonly attribution: AttributionConfig;
  readonly affinity: AffinityConfig;
  readonly proxyHealth: ProxyHealthConfig;
  /** Whether keys may be used without a proxy when none can be had. */
  readonly allowDirect: boolean;
  readonly ttlMs: number;
  /** How long a take waits for a slot when all are busy. */
  readonly waitMs: number;
  readonly defaultSlots: number;
  /** Fewer usable keys than this are an alert. */
  readonly floorKeys: number;
  /** Fewer unused backup keys than this are an alert. */
  readonly lowBackups: number;
}

/** What became of an attempt, as its holder reports it. */
export interface PoolOutcome {
  readonly keyId: string;
  readonly generation: bigint;
  readonly endpoint: EndpointName;
  readonly proxyId: string | undefined;
  readonly cause: OutcomeCause;
  readonly probeId?: number;
  readonly retryAfterMs?: number;
  readonly model?: string;
  readonly message?: string;
  readonly status: number;
  readonly errorWords: readonly string[];
}

export interface KeyAccess {
  readonly secret: string;
  readonly endpoint: EndpointName;
  readonly route: Exclude<Route, { via: 'none' }>;
}

export interface KeyInfo {
  readonly keyId: string;
  readonly generation: bigint;
  readonly usable: boolean;
  readonly abort: boolean;
  readonly allowedModels: readonly string[];
  readonly deniedModels: readonly string[];
  readonly limitsRequests: boolean;
  readonly limitsTokens: boolean;
  /** For holders that have, or had, slots of it. */
  readonly access: KeyAccess | undefined;
}

export interface PoolInfo {
  readonly heldForMs: number;
  readonly probeWanted: boolean;
  readonly nextCooldownMs: number;
}

export interface ProbeGrant {
  readonly ref: number;
  readonly keyId: string;
  readonly generation: bigint;
  readonly probeId: number | undefined;
  readonly access: KeyAccess;
  readonly ttlMs: number;
}

/** What one connection is told in a tick. */
export interface HoldFrame {
  readonly quota: readonly OwnerMessage[];
  readonly pool: PoolInfo | undefined;
  readonly proxies: readonly { readonly address: ProxyAddress; readonly usable: boolean }[];
  readonly goneProxies: readonly string[];
  readonly keys: readonly KeyInfo[];
  readonly goneKeys: readonly string[];
  readonly snapshot: boolean;
  readonly affinity: AffinityDelta | undefined;
  readonly probes: readonly ProbeGrant[];
}

export type PoolAlert =
  | { readonly alert: 'no_backup_key' | 'key_exhausted' | 'key_rotated'; readonly keyId: string }
  | { readonly alert: 'backups_low'; readonly left: number }
  | { readonly alert: 'below_floor'; readonly usable: number }
  | { readonly alert: 'proxy_dead' | 'proxy_recovered'; readonly proxyId: string; readonly message: string }
  | { readonly alert: 'hold' | 'hold_ended'; readonly scope: string; readonly cause: string };

/** What the pool's keeper has to do. */
export type PoolOutput =
  | { readonly kind: 'frame'; readonly connection: string; readonly frame: HoldFrame }
  | { readonly kind: 'close'; readonly connection: string }
  | { readonly kind: 'rotate'; readonly keyId: string; readonly cause: HistoryEntry['cause']; readonly actor: string }
  | { readonly kind: 'alert'; readonly alert: PoolAlert }
  /** A holder that has fallen silent has nothing left that could matter. */
  | { readonly kind: 'holder_gone'; readonly epoch: string }
  | { readonly kind: 'proxy_health'; readonly proxyId: string; readonly health: ProxyHealth };

/** Why a take was refused. */
export type RefusalReason = 'none_available' | 'slots' | 'no_proxy' | 'held';
