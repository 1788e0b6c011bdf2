import { allowsModel, isUsable, type UpstreamKey } from './upstream-key.ts';

export interface Lease {
  readonly id: string;
  readonly key: UpstreamKey;
  readonly holder: string;
  readonly expiresAtMs: number;
}

export type Denial =
  | { readonly reason: 'none_available'; readonly retryAfterMs: number }
  | { readonly reason: 'slots'; readonly retryAfterMs: number };

export interface LeaseRequest {
  readonly model: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly makeId: () => string;
}

/**
 * The slots of one provider's keys: who holds which, until when. It never grants more than a key has, goes round the
 * keys in order, and takes the slots of a holder that does not come back.
 */
export class LeaseTable {
  #keys: readonly UpstreamKey[] = [];
  #keysById: ReadonlyMap<string, UpstreamKey> = new Map();
  readonly #leases = new Map<string, Lease>();
  readonly #inUse = new Map<string, number>();
  #nextKey = 0;

  /** The pool as it is now; leases of keys that are gone run out by themselves. */
  setKeys(keys: readonly UpstreamKey[]): void {
    this.#keys = keys;
    this.#keysById = new Map(keys.map((key) => [key.id, key]));
  }

  get keys(): readonly UpstreamKey[] {
    return this.#keys;
  }

  get slotsInUse(): number {
    return this.#leases.size;
  }

  /** One slot of the next key in turn. */
  acquire(request: LeaseRequest, nowMs: number): Lease | Denial {
    this.expire(nowMs);
    const { length } = this.#keys;
    let usable = 0;
    for (let offset = 0; offset < length; offset += 1) {
      const at = (this.#nextKey + offset) % length;
      const key = this.#keys[at];
      if (key === undefined || !isUsable(key, nowMs) || !allowsModel(key, request.model)) continue;
      usable += 1;
      if (this.#used(key.id) >= key.slots) continue;
      this.#nextKey = at + 1;
      return this.#grant(key, request, nowMs);
    }
    return usable > 0
      ? { reason: 'slots', retryAfterMs: 1_000 }
      : { reason: 'none_available', retryAfterMs: this.#untilNextCooldownMs(nowMs) };
  }

  /**
   * Keeps a slot for another ttl; false where the lease is gone, and its slot perhaps another's, or where the key is not
   * the one that was leased any more: deleted, disabled, with another secret.
   */
  renew(leaseId: string, ttlMs: number, nowMs: number): boolean {
    this.expire(nowMs);
    const lease = this.#leases.get(leaseId);
    if (lease === undefined || !this.#isStillLeasable(lease)) return false;
    // to the end of the map, which stays in the order of expiry
    this.#leases.delete(leaseId);
    this.#leases.set(leaseId, { ...lease, expiresAtMs: nowMs + ttlMs });
    return true;
  }

  /** Gives a slot back; a second time, or after the expiry, it changes nothing. */
  release(leaseId: string): void {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return;
    this.#leases.delete(leaseId);
    this.#inUse.set(lease.key.id, this.#used(lease.key.id) - 1);
  }

  /** Takes back what holders have kept for longer than they were allowed to. */
  expire(nowMs: number): void {
    // all leases have the same ttl, so the map is in the order of their expiry
    for (const lease of this.#leases.values()) {
      if (lease.expiresAtMs > nowMs) return;
      this.release(lease.id);
    }
  }

  /** How many keys could be leased now. */
  available(nowMs: number): number {
    return this.#keys.filter((key) => isUsable(key, nowMs) && this.#used(key.id) < key.slots).length;
  }

  #isStillLeasable({ key }: Lease): boolean {
    const now = this.#keysById.get(key.id);
    return now !== undefined && now.enabled && now.secret === key.secret;
  }

  #used(keyId: string): number {
    return this.#inUse.get(keyId) ?? 0;
  }

  #grant(key: UpstreamKey, request: LeaseRequest, nowMs: number): Lease {
    const lease: Lease = { id: request.makeId(), key, holder: request.holder, expiresAtMs: nowMs + request.ttlMs };
    this.#leases.set(lease.id, lease);
    this.#inUse.set(key.id, this.#used(key.id) + 1);
    return lease;
  }

  #untilNextCooldownMs(nowMs: number): number {
    const ends = this.#keys
      .filter((key) => key.enabled)
      .flatMap(({ cooldownUntilMs }) =>
        cooldownUntilMs !== undefined && cooldownUntilMs > nowMs ? [cooldownUntilMs] : [],
      );
    return ends.length === 0 ? 0 : Math.ceil(Math.min(...ends) - nowMs);
  }
}
