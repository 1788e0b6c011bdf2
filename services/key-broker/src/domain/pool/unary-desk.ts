import {
  admit,
  cancel,
  createHolder,
  flush,
  holderAdvance,
  holderConnect,
  holderDisconnect,
  holderReceive,
  settle,
  type Admission,
  type HolderEvent,
  type OwnerMessage,
  type QuotaHolder,
} from '@omg/quota';
import type { EndpointName } from '../key-state.ts';
import type { KeyPool } from './key-pool.ts';
import { routeOf } from './pool-choice.ts';
import { connectHolder, disconnectHolder, receiveOfHolder } from './pool-holders.ts';
import { isLeasable } from './pool-key.ts';
import type { HoldFrame, ProbeGrant, RefusalReason } from './pool-types.ts';
import { reportToPool } from './pool-verdicts.ts';

/** One slot of a key for a caller that has no stream. */
export interface UnaryLease {
  readonly id: string;
  readonly keyId: string;
  readonly secret: string;
  readonly generation: bigint;
  readonly endpoint: EndpointName;
  /** Undefined: directly. */
  readonly proxyId: string | undefined;
  readonly probe: { readonly probeId: number | undefined } | undefined;
  /** The service that has it. */
  readonly service: string;
}

export interface UnaryWish {
  readonly service: string;
  readonly model: string;
  /** Preferred; empty: none. */
  readonly keyId: string;
  readonly exclude: readonly string[];
  readonly tokens: number;
}

export type UnaryAnswer =
  | { readonly lease: UnaryLease }
  | { readonly refused: RefusalReason | 'unavailable'; readonly retryAfterMs: number | undefined };

interface Held extends UnaryLease {
  readonly admission: Admission;
  untilMs: number;
  tokens: number;
}

interface Asked {
  readonly wish: UnaryWish;
  readonly leaseId: (keyId: string) => string;
  readonly answer: (answer: UnaryAnswer) => void;
  /** Asks once more; undefined: no other key will do. */
  readonly again: ((nowMs: number) => void) | undefined;
}

const CONNECTION = 'unary';
const SWEEP_MS = 100;
const REASONS: readonly string[] = ['none_available', 'slots', 'no_proxy', 'held'] satisfies RefusalReason[];

/**
 * Leases for those who ask now and then: the owner holds for them, as one more holder, which keeps nothing for itself.
 * It lives and dies with the pool; a caller that renews with the next owner takes its slot along.
 */
export class UnaryDesk {
  readonly epoch: string;
  readonly #pool: KeyPool;
  readonly #holder: QuotaHolder;
  readonly #leases = new Map<string, Held>();
  readonly #asked = new Map<Admission, Asked>();
  readonly #probes = new Map<number, ProbeGrant>();
  /** Leases of the owner before whose slots are asked for, and those whose are not to be had, until that is forgotten. */
  readonly #adopting = new Map<string, Admission>();
  readonly #notAdopted = new Map<string, number>();
  #nextSweepMs = -Infinity;

  constructor(pool: KeyPool, epoch: string, nowMs: number) {
    this.epoch = epoch;
    this.#pool = pool;
    this.#holder = createHolder({ epoch, failOpen: false, keep: false }, nowMs);
    this.#connect(nowMs);
  }

  get size(): number {
    return this.#leases.size;
  }

  lease(id: string): UnaryLease | undefined {
    return this.#leases.get(id);
  }

  /** The answer comes at once, or when what is waited for has come or not. */
  acquire(
    wish: UnaryWish,
    { leaseId, answer }: Pick<Asked, 'leaseId' | 'answer'>,
    nowMs: number,
  ): { readonly abandon: () => void } {
    let isAbandoned = false;
    const ask = (atMs: number): void => {
      if (isAbandoned) return;
      const { model, keyId, exclude, tokens } = wish;
      const need = { scope: keyId, need: { slots: 1, requests: 1, tokens }, choice: { kind: model, exclude } };
      this.#await(admit(this.#holder, [need], atMs, { ask: true }), { wish, leaseId, answer, again: ask }, atMs);
    };
    ask(nowMs);
    return {
      abandon: () => {
        isAbandoned = true;
        for (const [admission, asked] of this.#asked) if (asked.again === ask) this.#forget(admission);
      },
    };
  }

  /**
   * A lease of the owner before goes on, if its key may still be used and has a slot left.
   * @returns false where it is known that it does not
   */
  adopt(lease: { readonly id: string; readonly keyId: string; readonly service: string }, nowMs: number): boolean {
    const { id, keyId, service } = lease;
    if (this.#leases.has(id) || this.#notAdopted.has(id) || !this.#pool.keys.has(keyId)) return false;
    if (this.#adopting.has(id)) return true;
    const admission = admit(this.#holder, [{ scope: keyId, need: { slots: 1 } }], nowMs, { ask: true });
    this.#adopting.set(id, admission);
    const wish = { service, model: '', keyId, exclude: [], tokens: 0 };
    const answer = (result: UnaryAnswer): void => {
      this.#adopting.delete(id);
      if ('refused' in result) this.#notAdopted.set(id, nowMs + this.#pool.config.ttlMs);
    };
    this.#await(admission, { wish, leaseId: () => id, answer, again: undefined }, nowMs);
    return !this.#notAdopted.has(id);
  }

  renew(id: string, service: string, nowMs: number): 'renewed' | 'revoked' | 'unknown' {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.service !== service || lease.untilMs <= nowMs) return 'unknown';
    lease.untilMs = nowMs + this.#pool.config.ttlMs;
    const { proxies, keys } = this.#pool;
    const key = keys.get(lease.keyId);
    const hasWay =
      lease.proxyId === undefined || proxies.standing(lease.proxyId) !== 'unusable' || lease.probe !== undefined;
    return key?.state.generation === lease.generation && !key.rotating && hasWay ? 'renewed' : 'revoked';
  }

  /** What a request of the lease has used, for keys that limit tokens. */
  used(id: string, tokens: number): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) lease.tokens += tokens;
  }

  release(id: string, service: string, nowMs: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) {
      const adopting = this.#adopting.get(id);
      if (adopting === undefined || this.#asked.get(adopting)?.wish.service !== service) return;
      this.#adopting.delete(id);
      this.#forget(adopting);
    } else if (lease.service === service) {
      this.#end(lease, nowMs);
    }
  }

  /** The pool is another's now: nobody is left waiting. */
  close(): void {
    for (const { answer } of this.#asked.values()) answer({ refused: 'unavailable', retryAfterMs: undefined });
    this.#asked.clear();
  }

  /** To be called with each frame that the pool has for this desk. */
  receive(frame: HoldFrame, nowMs: number): void {
    for (const probe of frame.probes) this.#probes.set(probe.ref, probe);
    for (const message of frame.quota) {
      const { term } = this.#pool;
      // what is granted is asked for by its number
      this.#handle(holderReceive(this.#holder, { connection: CONNECTION, term, message }, nowMs), message, nowMs);
    }
    for (const probe of this.#probes.values()) this.#drop(probe, nowMs);
    this.#probes.clear();
    this.pump(nowMs);
  }

  /** What is due by time, and what there is to say to the pool. */
  pump(nowMs: number): void {
    if (nowMs >= this.#nextSweepMs) {
      this.#nextSweepMs = nowMs + SWEEP_MS;
      for (const lease of this.#leases.values()) if (lease.untilMs <= nowMs) this.#end(lease, nowMs);
      for (const [id, untilMs] of this.#notAdopted) if (untilMs <= nowMs) this.#notAdopted.delete(id);
    }
    // silent for too long, as when the machine slept: it begins anew with what it has
    if (!this.#pool.connections.has(CONNECTION)) this.#connect(nowMs);
    this.#handle(holderAdvance(this.#holder, nowMs), undefined, nowMs);
    for (const message of flush(this.#holder, nowMs)) receiveOfHolder(this.#pool, CONNECTION, message, nowMs);
  }

  static readonly connection = CONNECTION;

  #connect(nowMs: number): void {
    holderDisconnect(this.#holder, CONNECTION, nowMs);
    holderConnect(this.#holder, CONNECTION, nowMs);
    connectHolder(this.#pool, CONNECTION, this.epoch, nowMs);
  }

  #forget(admission: Admission): void {
    cancel(this.#holder, admission);
    this.#asked.delete(admission);
  }

  #await(admission: Admission, asked: Asked, nowMs: number): void {
    if (admission.state === 'denied') {
      asked.answer({ refused: 'unavailable', retryAfterMs: undefined });
      return;
    }
    this.#asked.set(admission, asked);
    this.pump(nowMs);
  }

  #end(lease: Held, nowMs: number): void {
    this.#leases.delete(lease.id);
    settle(this.#holder, lease.admission, { outcome: { tokens: lease.tokens, nanoUsd: 0 }, nowMs });
    // says nothing if its verdict has come
    if (lease.probe !== undefined) this.#cancelProbe(lease, nowMs);
  }

  #handle(events: readonly HolderEvent[], message: OwnerMessage | undefined, nowMs: number): void {
    for (const event of events) {
      if (event.kind === 'close') {
        disconnectHolder(this.#pool, CONNECTION, nowMs);
        continue;
      }
      const asked = this.#asked.get(event.admission);
      if (asked === undefined) {
        // nobody waits for it any more
        settle(this.#holder, event.admission, { outcome: { tokens: 0, nanoUsd: 0 }, nowMs });
        continue;
      }
      this.#asked.delete(event.admission);
      if (event.kind === 'denied') {
        asked.answer(refusalOf(event.admission));
        continue;
      }
      const ref = message?.kind === 'grant' ? message.ref : -1;
      const probe = this.#probes.get(ref);
      this.#probes.delete(ref);
      this.#granted(event.admission, asked, probe, nowMs);
    }
  }

  #granted(admission: Admission, asked: Asked, probe: ProbeGrant | undefined, nowMs: number): void {
    const keyId = admission.parts[0]?.scope ?? '';
    const key = this.#pool.keys.get(keyId);
    const route = probe?.access.route ?? (key === undefined ? undefined : routeOf(this.#pool, key));
    const isUsable = key !== undefined && (probe !== undefined || isLeasable(key, nowMs));
    if (!isUsable || route === undefined || route.via === 'any') {
      // something has become of the key since it was granted
      settle(this.#holder, admission, { outcome: { tokens: 0, nanoUsd: 0 }, nowMs });
      if (probe !== undefined) this.#drop(probe, nowMs);
      if (asked.again === undefined) asked.answer({ refused: 'none_available', retryAfterMs: undefined });
      else asked.again(nowMs);
      return;
    }
    const lease: Held = {
      id: asked.leaseId(keyId),
      keyId,
      secret: key.facts.secret,
      generation: probe?.generation ?? key.state.generation,
      endpoint: probe?.access.endpoint ?? key.state.endpoint,
      proxyId: route.via === 'proxy' ? route.proxyId : undefined,
      probe: probe === undefined ? undefined : { probeId: probe.probeId },
      service: asked.wish.service,
      admission,
      untilMs: nowMs + this.#pool.config.ttlMs,
      tokens: 0,
    };
    this.#leases.set(lease.id, lease);
    asked.answer({ lease });
  }

  /** A probe that nobody takes: somebody else may have it. */
  #drop({ keyId, generation, probeId, access }: ProbeGrant, nowMs: number): void {
    const { endpoint, route } = access;
    const proxyId = route.via === 'proxy' ? route.proxyId : undefined;
    this.#cancelProbe({ keyId, generation, endpoint, proxyId, probe: { probeId } }, nowMs);
  }

  #cancelProbe(
    lease: Pick<UnaryLease, 'keyId' | 'generation' | 'endpoint' | 'proxyId' | 'probe'>,
    nowMs: number,
  ): void {
    const { keyId, generation, endpoint, proxyId, probe } = lease;
    const probeId = probe?.probeId;
    const outcome = { keyId, generation, endpoint, proxyId, cause: 'cancelled', status: 0, errorWords: [] } as const;
    reportToPool(this.#pool, { ...outcome, ...(probeId !== undefined && { probeId }) }, nowMs);
  }
}

function refusalOf({ denial }: Admission): UnaryAnswer {
  const reason = REASONS.find((known) => known === denial?.scope);
  const retryAfterMs = denial?.retryAfterMs;
  if (reason === undefined) return { refused: 'unavailable', retryAfterMs };
  // one of the list
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { refused: reason as RefusalReason, retryAfterMs };
}
