import { Deadlines } from '../deadlines.ts';

/** True time, and what happens when. */
export class Timeline {
  nowMs = 0;
  readonly #due = new Deadlines<() => void>();

  at(atMs: number, action: () => void): void {
    this.#due.add(Math.max(atMs, this.nowMs), action);
  }

  runUntil(untilMs: number): void {
    while (this.#due.nextMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.#due.nextMs);
      this.#due.take(this.nowMs)?.();
    }
    this.nowMs = untilMs;
  }
}

/** A process with a clock that is off and runs at a speed of its own, and which may be stopped for a while. */
export abstract class Actor {
  alive = true;
  pausedUntilMs = -Infinity;
  protected readonly timeline: Timeline;
  readonly #offsetMs: number;
  readonly #rate: number;
  #wakeMs = Infinity;
  readonly #inbox: (() => void)[] = [];

  constructor(timeline: Timeline, clock: { readonly offsetMs: number; readonly rate: number }) {
    this.timeline = timeline;
    this.#offsetMs = clock.offsetMs;
    this.#rate = clock.rate;
  }

  /** What its clock says. */
  get localMs(): number {
    return this.#offsetMs + this.timeline.nowMs * this.#rate;
  }

  pause(durationMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.timeline.nowMs + durationMs);
  }

  /** Now, or when the process runs again; then sends and waits as its core says. */
  perform(action: () => void): void {
    if (!this.alive) return;
    // What comes while it is stopped waits in the order in which it came.
    this.#inbox.push(action);
    if (this.timeline.nowMs >= this.pausedUntilMs) this.#work();
    else if (this.#inbox.length === 1) this.#workAfterPause();
  }

  #workAfterPause(): void {
    this.timeline.at(this.pausedUntilMs, () => {
      if (this.timeline.nowMs < this.pausedUntilMs) this.#workAfterPause();
      else this.#work();
    });
  }

  #work(): void {
    for (let action = this.#inbox.shift(); action !== undefined && this.alive; action = this.#inbox.shift()) {
      action();
      this.pump();
    }
    this.#schedule();
  }

  protected abstract pump(): void;
  protected abstract nextLocalMs(): number;

  #schedule(): void {
    const nextMs = this.nextLocalMs();
    if (nextMs === Infinity) return;
    // A hair later: the way back from local time is not exact.
    const wakeMs = Math.max(this.timeline.nowMs, (nextMs - this.#offsetMs) / this.#rate + 0.001);
    if (this.#wakeMs > this.timeline.nowMs && this.#wakeMs <= wakeMs) return;
    this.#wakeMs = wakeMs;
    this.timeline.at(wakeMs, () => {
      if (this.#wakeMs === wakeMs) this.#wakeMs = Infinity;
      this.perform(() => undefined);
    });
  }
}
