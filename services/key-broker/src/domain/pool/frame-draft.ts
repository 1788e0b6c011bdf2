import type { AffinityDelta } from '@omg/affinity';
import type { OwnerMessage } from '@omg/quota';
import { infoOf, type PoolKey } from './pool-key.ts';
import type { HoldFrame, PoolInfo, ProbeGrant } from './pool-types.ts';
import type { PoolProxies } from './pool-proxies.ts';

/** What a connection is to be told at the end of the tick. */
export class FrameDraft {
  readonly quota: OwnerMessage[] = [];
  readonly keys = new Set<string>();
  readonly aborted = new Set<string>();
  readonly goneKeys = new Set<string>();
  readonly proxies = new Set<string>();
  readonly goneProxies = new Set<string>();
  readonly probes: ProbeGrant[] = [];
  affinity: AffinityDelta | undefined;
  pool = false;
  snapshot = false;
}

/** One holder's stream. */
export class PoolConnection {
  readonly id: string;
  readonly epoch: string;
  /** Keys whose secret this holder has been told. */
  readonly access = new Set<string>();
  #draft: FrameDraft | undefined;

  constructor(id: string, epoch: string) {
    this.id = id;
    this.epoch = epoch;
  }

  /** The holder gets slots of the key: it is told how to use it, once. */
  tellAccess(keyId: string): void {
    if (this.access.has(keyId)) return;
    this.access.add(keyId);
    this.draft.keys.add(keyId);
  }

  get draft(): FrameDraft {
    this.#draft ??= new FrameDraft();
    return this.#draft;
  }

  /** What has come together since the last time. */
  take(world: {
    readonly keys: ReadonlyMap<string, PoolKey>;
    readonly proxies: PoolProxies;
    readonly pool: () => PoolInfo;
    readonly nowMs: number;
  }): HoldFrame | undefined {
    const draft = this.#draft;
    if (draft === undefined) return undefined;
    this.#draft = undefined;
    const { keys, proxies, pool, nowMs } = world;
    const usable = draft.proxies.size === 0 ? new Set<string>() : proxies.usable();
    return {
      quota: draft.quota,
      pool: draft.pool ? pool() : undefined,
      proxies: [...draft.proxies].flatMap((id) => {
        const address = proxies.facts(id)?.address;
        return address === undefined ? [] : [{ address, usable: usable.has(id) }];
      }),
      goneProxies: [...draft.goneProxies],
      keys: [...draft.keys].flatMap((id) => {
        const key = keys.get(id);
        if (key === undefined) return [];
        return [infoOf(key, { nowMs, withAccess: this.access.has(id), abort: draft.aborted.has(id) })];
      }),
      goneKeys: [...draft.goneKeys].filter((id) => !keys.has(id)),
      snapshot: draft.snapshot,
      affinity: draft.affinity,
      probes: draft.probes,
    };
  }
}
