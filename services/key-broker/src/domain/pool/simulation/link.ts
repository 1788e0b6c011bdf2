import type { HolderMessage } from '@omg/quota';
import type { HoldFrame, PoolOutcome } from '../pool-types.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** What a holder says in a tick. */
export interface UpFrame {
  readonly outcomes: readonly (PoolOutcome & { readonly isProbe: boolean })[];
  readonly quota: readonly HolderMessage[];
}

export interface DownFrame {
  readonly term: number;
  readonly frame: HoldFrame;
}

export interface HolderEnd {
  readonly epoch: string;
  received: (link: Link, down: DownFrame) => void;
  disconnected: (link: Link) => void;
}

export interface OwnerEnd {
  connected: (link: Link) => void;
  received: (link: Link, up: UpFrame) => void;
  disconnected: (link: Link) => void;
}

/** One stream: ordered in each direction, ended only by breaking, when what is under way may be lost. */
export class Link {
  readonly id: string;
  readonly holder: HolderEnd;
  readonly owner: OwnerEnd;
  /** Nothing arrives before, as long as the network is cut. */
  cutUntilMs = -Infinity;
  broken = false;
  readonly #network: { readonly timeline: Timeline; readonly random: Random; readonly maxDelayMs: number };
  #upMs = 0;
  #downMs = 0;
  #upLost = false;
  #downLost = false;

  constructor(
    ends: { readonly id: string; readonly holder: HolderEnd; readonly owner: OwnerEnd },
    network: { readonly timeline: Timeline; readonly random: Random; readonly maxDelayMs: number },
  ) {
    this.id = ends.id;
    this.holder = ends.holder;
    this.owner = ends.owner;
    this.#network = network;
    this.#up(() => {
      this.owner.connected(this);
    });
  }

  sendUp(up: UpFrame): void {
    if (this.broken) return;
    this.#up(() => {
      this.owner.received(this, up);
    });
  }

  sendDown(down: DownFrame): void {
    if (this.broken) return;
    this.#downMs = this.#next(this.#downMs);
    this.#network.timeline.at(this.#downMs, () => {
      if (!this.#downLost) this.holder.received(this, down);
    });
  }

  /** Each side learns it in its time; what is under way arrives before, or not at all. */
  break(): void {
    if (this.broken) return;
    this.broken = true;
    const { random, timeline } = this.#network;
    this.#upLost = random.chance(0.5);
    this.#downLost = random.chance(0.5);
    timeline.at(this.#next(this.#upMs), () => {
      this.owner.disconnected(this);
    });
    timeline.at(this.#next(this.#downMs), () => {
      this.holder.disconnected(this);
    });
  }

  #up(deliver: () => void): void {
    this.#upMs = this.#next(this.#upMs);
    this.#network.timeline.at(this.#upMs, () => {
      if (!this.#upLost) deliver();
    });
  }

  #next(lastMs: number): number {
    const { random, timeline, maxDelayMs } = this.#network;
    return Math.max(lastMs + 0.0001, this.cutUntilMs, timeline.nowMs + random.between(0.5, maxDelayMs));
  }
}
