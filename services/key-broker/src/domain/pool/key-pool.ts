import { createOwner, type QuotaOwner, type Take } from '@omg/quota';
import { AffinityTable } from '../affinity-table.ts';
import type { ProviderSpec } from '../provider-registry.ts';
import type { PoolConnection } from './frame-draft.ts';
import { KeyTurns } from './key-turns.ts';
import { KeyWrites } from './key-writes.ts';
import { PoolHolds } from './pool-holds.ts';
import { fitsModel, type PoolKey } from './pool-key.ts';
import { PoolProxies } from './pool-proxies.ts';
import type { PoolAlert, PoolConfig, PoolOutput } from './pool-types.ts';

export interface KeyPoolOptions {
  readonly spec: ProviderSpec;
  readonly config: PoolConfig;
  readonly term: number;
  /** Epochs of holders that may have something of the owner before. */
  readonly knownHolders: readonly string[];
  /** 0 up to, not including, 1. */
  readonly random: () => number;
}

/** A take that waits for a slot of whichever key. */
export interface WaitingTake {
  readonly connection: string;
  readonly epoch: string;
  readonly take: Take;
  readonly untilMs: number;
}

/**
 * One provider's pool in the memory of its owner: which keys may be used, who has slots of them, through which proxies,
 * and what failures mean. The functions of this folder change it in place, without I/O or a clock; what is to be done
 * comes out of `drainPool`.
 */
export interface KeyPool {
  readonly spec: ProviderSpec;
  readonly config: PoolConfig;
  readonly term: number;
  readonly random: () => number;
  /** Its scopes are the keys. */
  readonly owner: QuotaOwner;
  readonly keys: Map<string, PoolKey>;
  /** Leasable keys in turn. */
  readonly ring: KeyTurns;
  readonly holds: PoolHolds;
  readonly proxies: PoolProxies;
  readonly affinity: AffinityTable;
  readonly connections: Map<string, PoolConnection>;
  readonly writes: KeyWrites;
  /** First come, first served. */
  waiting: WaitingTake[];
  /** What they want, and the least tokens of those who want the same; who asks for no less does not overtake them. */
  waitingKinds: Map<string, number>;
  /** Something may have come free for those who wait. */
  freed: boolean;
  /** When the holders were asked for what they do not use, by what was wanted. */
  readonly recalledMs: Map<string, number>;
  /** Keys of which time alone changes something, and those of them that wait for a probe. */
  readonly troubled: Set<string>;
  readonly probeable: Set<string>;
  /** Keys by the proxies that they are bound to. */
  readonly boundTo: Map<string, Set<string>>;
  /** Successors of rotated keys that the affinity table does not know of yet -> the rotated key. */
  readonly replaced: Map<string, string>;
  rotations: number;
  unusedBackups: number;
  /** Of the quota's scopes: only ever grows, over all keys and owners, so that every holder knows the newer one. */
  scopeVersion: number;
  outputs: PoolOutput[];
  nextLookMs: number;
  /** When time alone changes something of a key next. */
  nextDueMs: number;
  /** Undefined: it is to be looked for. */
  nextCooldown: { readonly endMs: number } | undefined;
  /** No key was found to probe a held way with: it is not worth to look for one again before. */
  nextPathProbeMs: number;
  nextAffinityMs: number;
  affinityNotBeforeMs: number;
  affinityDue: boolean;
  /** What the holders were told last, and when that a hold goes on. */
  told: { readonly isHeld: boolean; readonly probeWanted: boolean; readonly cooldownEndMs: number | undefined };
  toldHeldMs: number;
  infoDue: boolean;
  backupsAlerted: boolean;
  floorAlerted: boolean;
}

/** Versions of scopes of one term are so far from those of the next: 2^53 is enough for half a billion terms. */
const VERSIONS_PER_TERM = 2 ** 24;

export function createKeyPool(options: KeyPoolOptions, nowMs: number): KeyPool {
  const { spec, config, term, knownHolders, random } = options;
  const holds = new PoolHolds(config.attribution);
  const keys = new Map<string, PoolKey>();
  return {
    spec,
    config,
    term,
    random,
    owner: createOwner(term, nowMs, {
      ttlMs: config.ttlMs,
      longestRequestMs: 0,
      byStreamTime: false,
      offline: false,
      knownHolders,
    }),
    keys,
    ring: new KeyTurns((id, model) => {
      const key = keys.get(id);
      return key !== undefined && fitsModel(key, model);
    }),
    holds,
    proxies: new PoolProxies({
      policy: spec.proxies,
      allowDirect: config.allowDirect,
      health: config.proxyHealth,
      isOpen: (proxyId) => holds.isOpen(proxyId),
    }),
    affinity: new AffinityTable(config.affinity),
    connections: new Map(),
    writes: new KeyWrites(),
    waiting: [],
    waitingKinds: new Map(),
    freed: false,
    recalledMs: new Map(),
    troubled: new Set(),
    probeable: new Set(),
    boundTo: new Map(),
    replaced: new Map(),
    rotations: 0,
    unusedBackups: 0,
    scopeVersion: term * VERSIONS_PER_TERM,
    outputs: [],
    nextLookMs: nowMs,
    nextDueMs: Infinity,
    nextCooldown: undefined,
    nextPathProbeMs: nowMs,
    nextAffinityMs: nowMs,
    affinityNotBeforeMs: nowMs,
    affinityDue: true,
    told: { isHeld: false, probeWanted: false, cooldownEndMs: undefined },
    toldHeldMs: nowMs,
    infoDue: false,
    backupsAlerted: false,
    floorAlerted: false,
  };
}

export function alert(pool: KeyPool, raised: PoolAlert): void {
  pool.outputs.push({ kind: 'alert', alert: raised });
}
