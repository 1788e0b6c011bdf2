import type { Amounts } from '../dimensions.ts';
import type { HolderOptions } from '../holder/holder-state.ts';
import type { OwnerOptions } from '../owner/owner-state.ts';
import { OWNER_BUCKET_MS } from '../timing.ts';
import { Timeline } from './actor.ts';
import { HolderProcess } from './holder-process.ts';
import type { DenialRecord } from './holder-process.ts';
import { Ledger } from './ledger.ts';
import { Link } from './link.ts';
import type { Delays } from './link.ts';
import { OwnerProcess } from './owner-process.ts';
import { Random } from './random.ts';
import { Truth } from './truth.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly holders: number;
  readonly scopes: readonly { readonly scope: string; readonly limits: Amounts; readonly hard?: boolean }[];
  readonly delays?: Delays;
  readonly owner?: Partial<OwnerOptions>;
  readonly holder?: Partial<HolderOptions>;
  /** How far clocks may run too fast or too slow. */
  readonly drift?: number;
}

/** Holders, one owner after the other, and a network that can be broken. */
export class World {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly truth: Truth;
  readonly ledger: Ledger;
  readonly holders: HolderProcess[] = [];
  owner: OwnerProcess | undefined;
  readonly owners: OwnerProcess[] = [];
  readonly #options: WorldOptions;
  readonly #delays: Delays;
  readonly #cutUntilMs = new Map<number, number>();
  readonly #retired: HolderProcess[] = [];
  #terms = 0;
  #links = 0;
  #epochs = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#delays = options.delays ?? { minMs: 1, maxMs: 10 };
    this.random = new Random(options.seed);
    this.ledger = new Ledger(this.timeline);
    this.truth = new Truth({
      drift: options.drift ?? 0,
      slackMs: OWNER_BUCKET_MS + 6 * this.#delays.maxMs + 180_000 * (options.drift ?? 0),
    });
    for (const { scope, limits, hard } of options.scopes) {
      this.truth.define(scope, limits);
      this.ledger.settings.set(scope, { scope, limits, version: 1, hard: hard ?? true });
    }
    this.startOwner();
    for (let index = 0; index < options.holders; index++) this.startHolder(index);
    this.#charge();
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  holder(index: number): HolderProcess {
    const process = this.holders[index % this.holders.length];
    if (process === undefined) throw new Error('no holders');
    return process;
  }

  /** Everything that was refused by a limit, though it fitted all the time. */
  falseDenials(): DenialRecord[] {
    const aroundMs = 4 * this.#delays.maxMs;
    return this.all.flatMap(({ denials }) =>
      denials.filter(({ request, askedMs, deniedMs }) =>
        request.needs.every(({ scope, need }) =>
          this.truth.fitted(scope, need, { fromMs: askedMs - aroundMs, toMs: deniedMs + aroundMs }),
        ),
      ),
    );
  }

  get all(): readonly HolderProcess[] {
    return [...this.#retired, ...this.holders];
  }

  /** A new owner, with an empty memory and a higher term. */
  startOwner(): void {
    this.owner = new OwnerProcess(this.timeline, {
      term: ++this.#terms,
      ledger: this.ledger,
      core: {
        longestRequestMs: 60_000,
        byStreamTime: true,
        ...this.#options.owner,
        knownHolders: [...this.ledger.knownHolders],
      },
      clock: this.#clock(),
    });
    this.owners.push(this.owner);
    this.owner.perform(() => undefined);
  }

  startHolder(index: number): void {
    const before = this.holders[index];
    if (before !== undefined) this.#retired.push(before);
    const process = new HolderProcess(this.timeline, {
      truth: this.truth,
      ledger: this.ledger,
      core: { ...this.#options.holder, epoch: `epoch-${++this.#epochs}` },
      clock: this.#clock(),
      reconnect: () => {
        this.#connectSoon(index, process);
      },
    });
    this.holders[index] = process;
    this.#connect(index, process);
  }

  breakLink(index: number): void {
    this.holder(index).link?.break();
  }

  /** Nothing gets through; what was sent arrives afterwards, unless the stream breaks. */
  cut(index: number, durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    this.#cutUntilMs.set(index, Math.max(untilMs, this.#cutUntilMs.get(index) ?? 0));
    const { link } = this.holder(index);
    if (link !== undefined) link.cutUntilMs = untilMs;
  }

  /** The owner dies, or is deposed and goes on talking to those who have not heard of it; then there is a new one. */
  failover(options: { readonly crash: boolean; readonly gapMs: number }): void {
    const before = this.owner;
    // Nobody charges, and nobody is sent to it any more.
    this.owner = undefined;
    if (before !== undefined) {
      if (options.crash) before.alive = false;
      // Deposed, it stops before its lease is over; what it said may arrive when there is a new one.
      this.timeline.at(this.nowMs + (options.crash ? 0 : this.random.between(0, options.gapMs - 1)), () => {
        before.acting = false;
      });
      for (const link of before.links.values()) {
        // A deposed owner's streams end when its holders hear of the new one.
        this.timeline.at(this.nowMs + (options.crash ? 0 : options.gapMs + this.random.between(0, 500)), () => {
          link.break();
        });
      }
    }
    this.timeline.at(this.nowMs + options.gapMs, () => {
      this.startOwner();
    });
  }

  #connectSoon(index: number, process: HolderProcess): void {
    const delayMs = this.random.between(1, 200);
    this.timeline.at(Math.max(this.nowMs + delayMs, this.#cutUntilMs.get(index) ?? 0), () => {
      this.#connect(index, process);
    });
  }

  #connect(index: number, process: HolderProcess): void {
    if (!process.alive) return;
    const { owner } = this;
    if (owner === undefined || this.nowMs < (this.#cutUntilMs.get(index) ?? 0)) {
      this.#connectSoon(index, process);
      return;
    }
    const network = { timeline: this.timeline, random: this.random, delays: this.#delays };
    process.connect(new Link({ id: `link-${++this.#links}`, holder: process, owner }, network));
  }

  #charge(): void {
    const { owner } = this;
    owner?.perform(() => {
      if (owner === this.owner) owner.charge();
    });
    this.timeline.at(this.nowMs + this.random.between(20, 200), () => {
      this.#charge();
    });
  }

  #clock(): { offsetMs: number; rate: number } {
    const drift = this.#options.drift ?? 0;
    return { offsetMs: this.random.integer(0, 1_000_000), rate: 1 + this.random.between(-drift, drift) };
  }
}
