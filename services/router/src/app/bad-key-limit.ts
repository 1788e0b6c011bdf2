import { addressBlock } from '../domain/address-block.ts';
import type { Clock } from './ports.ts';

export interface BadKeyLimitOptions {
  /** How many wrong keys an address may present in a minute, and at once. */
  readonly perMinute: number;
  /** How many addresses are remembered. */
  readonly maxAddresses: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

const MINUTE_MS = 60_000;

/** A token bucket per address, of wrong keys: whoever presents too many has to wait. */
export class BadKeyLimit {
  readonly #options: BadKeyLimitOptions;
  /** The longest unused first. An address that is not there has a full one. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BadKeyLimitOptions) {
    this.#options = options;
  }

  /** How long the address has to wait before another key of it is looked at. */
  waitMs(address: string): number {
    const left = this.#left(this.#buckets.get(addressBlock(address)));
    return left >= 1 ? 0 : Math.ceil(((1 - left) * MINUTE_MS) / this.#options.perMinute);
  }

  /** The address has presented a wrong key. */
  count(address: string): void {
    const block = addressBlock(address);
    const { perMinute, maxAddresses, clock } = this.#options;
    // many that came at once leave a debt, of a minute at most
    const left = Math.max(-perMinute, this.#left(this.#buckets.get(block)) - 1);
    this.#buckets.delete(block);
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= maxAddresses) this.#buckets.delete(oldest);
    this.#buckets.set(block, { left, atMs: clock.monotonicMs() });
  }

  #left(bucket: Bucket | undefined): number {
    const { perMinute, clock } = this.#options;
    if (bucket === undefined) return perMinute;
    const refilled = ((clock.monotonicMs() - bucket.atMs) * perMinute) / MINUTE_MS;
    return Math.min(perMinute, bucket.left + refilled);
  }
}
