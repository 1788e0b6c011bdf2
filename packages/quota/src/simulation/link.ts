import type { HolderMessage, OwnerMessage } from '../messages.ts';
import type { Timeline } from './actor.ts';
import type { Random } from './random.ts';

export interface Delays {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface HolderEnd {
  readonly epoch: string;
  perform(action: () => void): void;
  received(link: Link, received: { readonly term: number; readonly message: OwnerMessage }): void;
  disconnected(link: Link): void;
}

export interface OwnerEnd {
  perform(action: () => void): void;
  connected(link: Link): void;
  received(link: Link, message: HolderMessage): void;
  disconnected(link: Link): void;
}

/** One stream: ordered in each direction, ended only by breaking, when what is under way may be lost. */
export class Link {
  readonly id: string;
  readonly holder: HolderEnd;
  readonly owner: OwnerEnd;
  /** Nothing arrives before, as long as the network is cut. */
  cutUntilMs = -Infinity;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #delays: Delays;
  #upMs = 0;
  #downMs = 0;
  #upLost = false;
  #downLost = false;
  #broken = false;

  constructor(
    ends: { readonly id: string; readonly holder: HolderEnd; readonly owner: OwnerEnd },
    network: { readonly timeline: Timeline; readonly random: Random; readonly delays: Delays },
  ) {
    this.id = ends.id;
    this.holder = ends.holder;
    this.owner = ends.owner;
    this.#timeline = network.timeline;
    this.#random = network.random;
    this.#delays = network.delays;
    this.#up(() => {
      this.owner.connected(this);
    });
  }

  sendUp(message: HolderMessage): void {
    if (this.#broken) return;
    this.#up(() => {
      this.owner.received(this, message);
    });
  }

  sendDown(term: number, message: OwnerMessage): void {
    if (this.#broken) return;
    this.#down(() => {
      this.holder.received(this, { term, message });
    });
  }

  /** Each side learns it in its time; what is under way arrives before, or not at all. */
  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#upLost = this.#random.chance(0.5);
    this.#downLost = this.#random.chance(0.5);
    const { owner, holder } = this;
    this.#timeline.at(this.#next(this.#upMs), () => {
      owner.disconnected(this);
    });
    this.#timeline.at(this.#next(this.#downMs), () => {
      holder.disconnected(this);
    });
  }

  #up(deliver: () => void): void {
    this.#upMs = this.#next(this.#upMs);
    this.#timeline.at(this.#upMs, () => {
      if (!this.#upLost) this.owner.perform(deliver);
    });
  }

  #down(deliver: () => void): void {
    this.#downMs = this.#next(this.#downMs);
    this.#timeline.at(this.#downMs, () => {
      if (!this.#downLost) this.holder.perform(deliver);
    });
  }

  #next(lastMs: number): number {
    const delayMs = this.#random.between(this.#delays.minMs, this.#delays.maxMs);
    return Math.max(lastMs + 0.001, this.cutUntilMs, this.#timeline.nowMs + delayMs);
  }
}
