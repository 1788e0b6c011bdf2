import type { OutcomeCause } from '../../key-event.ts';
import type { KeyRecord } from '../pool-keys.ts';
import type { PoolConfig } from '../pool-types.ts';
import { CONFIG } from '../pool-rig.ts';
import { Database } from './database.ts';
import { HolderProcess } from './holder-process.ts';
import { Link } from './link.ts';
import { OwnerProcess } from './owner-process.ts';
import { Random } from './random.ts';
import { Timeline, type Clock } from './timeline.ts';
import { Watch } from './watch.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly holders: number;
  readonly keys: readonly KeyRecord[];
  readonly backups: number;
  readonly maxDelayMs: number;
  /** How often an upstream answers with each; the rest is well. */
  readonly faults: Readonly<Partial<Record<OutcomeCause, number>>>;
}

/** Everything that takes minutes and hours elsewhere takes seconds here. */
const SHORT: PoolConfig = {
  ...CONFIG,
  keyState: {
    ...CONFIG.keyState,
    rateLimit: { firstMs: 300, maxMs: 5_000 },
    exhaustedMs: 8_000,
    failoverMs: 6_000,
    error: { firstMs: 1_000, maxMs: 5_000 },
    modelDeniedMs: 3_000,
    probeTtlMs: 4_000,
    probe: { firstMs: 300, maxMs: 3_000 },
  },
  attribution: { ...CONFIG.attribution, windowMs: 2_000, hold: { firstMs: 500, maxMs: 4_000 }, probeTtlMs: 4_000 },
};

/** Holders, one owner after the other, an upstream with moods, and a network that can be broken. */
export class World {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly watch: Watch;
  readonly database: Database;
  readonly holders: HolderProcess[] = [];
  owner: OwnerProcess | undefined;
  guesses = 0;
  /** As long as it lasts, every key is answered with this. */
  incident: OutcomeCause | undefined;
  readonly #options: WorldOptions;
  readonly #cutUntilMs = new Map<number, number>();
  #count = 0;
  #terms = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.watch = new Watch(this.timeline);
    this.database = new Database(options.keys, options.backups);
    this.startOwner();
    for (let index = 0; index < options.holders; index += 1) this.startHolder(index);
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  holder(index: number): HolderProcess {
    const holder = this.holders[index % this.holders.length];
    if (holder === undefined) throw new Error('no holders');
    return holder;
  }

  startOwner(): void {
    this.#terms += 1;
    const { database, random, watch } = this;
    const clock = this.#clock();
    this.owner = new OwnerProcess(this.timeline, { term: this.#terms, config: SHORT, database, random, watch, clock });
    this.owner.perform(() => undefined);
  }

  startHolder(index: number): HolderProcess {
    this.#count += 1;
    const { watch } = this;
    const { maxDelayMs } = this.#options;
    const holder = new HolderProcess(this.timeline, {
      epoch: `epoch-${this.#count}`,
      clock: this.#clock(),
      world: {
        watch,
        maxDelayMs,
        upstream: (keyId) => this.#upstream(keyId),
        // while nobody could know what one holder had, as much may have been granted once more
        slotsOf: (keyId) =>
          (this.database.slots.get(keyId) ?? 0) * (1 + this.guesses + (this.owner?.guessed === true ? 1 : 0)),
        reconnect: () => {
          this.#connectSoon(index, holder);
        },
      },
    });
    this.holders[index] = holder;
    this.#connectSoon(index, holder);
    return holder;
  }

  breakLink(index: number): void {
    this.holder(index).link?.break();
  }

  /** Nothing gets through; what was sent arrives afterwards, unless the stream breaks. */
  cut(index: number, durationMs: number): void {
    const untilMs = Math.max(this.nowMs + durationMs, this.#cutUntilMs.get(index) ?? 0);
    this.#cutUntilMs.set(index, untilMs);
    const { link } = this.holder(index);
    if (link !== undefined) link.cutUntilMs = untilMs;
  }

  /** The owner dies with what it has not written, and after a while there is another one. */
  failover(gapMs: number): void {
    const { owner } = this;
    if (owner === undefined) return;
    owner.alive = false;
    if (owner.guessed) this.guesses += 1;
    this.owner = undefined;
    this.watch.unseen();
    for (const { link } of this.holders) link?.break();
    this.timeline.at(this.nowMs + gapMs, () => {
      this.startOwner();
    });
  }

  #upstream(keyId: string): { readonly cause: OutcomeCause; readonly retryAfterMs?: number } {
    const { random, incident } = this;
    if (incident !== undefined) return { cause: incident };
    let draw = random.next();
    for (const [cause, share] of Object.entries(this.#options.faults)) {
      draw -= share;
      if (draw > 0) continue;
      // the keys of the table are causes
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const drawn = cause as OutcomeCause;
      return { cause: drawn, ...(drawn === 'rate_limited' && keyId.length % 2 === 0 && { retryAfterMs: 700 }) };
    }
    return { cause: 'success' };
  }

  #connectSoon(index: number, holder: HolderProcess): void {
    const atMs = Math.max(this.nowMs + this.random.between(1, 200), this.#cutUntilMs.get(index) ?? 0);
    this.timeline.at(atMs, () => {
      if (!holder.alive) return;
      const { owner } = this;
      if (owner === undefined || this.nowMs < (this.#cutUntilMs.get(index) ?? 0)) {
        this.#connectSoon(index, holder);
        return;
      }
      this.#count += 1;
      const { timeline, random } = this;
      const { maxDelayMs } = this.#options;
      holder.connect(new Link({ id: `link-${this.#count}`, holder, owner }, { timeline, random, maxDelayMs }));
    });
  }

  #clock(): Clock {
    return { offsetMs: this.random.integer(0, 1_000_000), rate: 1 + this.random.between(-0.001, 0.001) };
  }
}
