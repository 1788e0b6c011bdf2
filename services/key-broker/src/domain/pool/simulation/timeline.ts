/** True time, and what happens when. */
export class Timeline {
  nowMs = 0;
  /** The latest first. */
  readonly #due: { readonly atMs: number; readonly action: () => void }[] = [];

  at(atMs: number, action: () => void): void {
    const entry = { atMs: Math.max(atMs, this.nowMs), action };
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#due[middle]?.atMs ?? 0) > entry.atMs) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, entry);
  }

  runUntil(untilMs: number): void {
    for (;;) {
      const next = this.#due.at(-1);
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.pop();
      this.nowMs = next.atMs;
      next.action();
    }
    this.nowMs = untilMs;
  }
}

export interface Clock {
  readonly offsetMs: number;
  readonly rate: number;
}

/** A process with a clock that is off and runs at a speed of its own. */
export abstract class Process {
  alive = true;
  readonly timeline: Timeline;
  readonly #clock: Clock;
  #wakeMs = Infinity;

  constructor(timeline: Timeline, clock: Clock) {
    this.timeline = timeline;
    this.#clock = clock;
  }

  /** What its clock says. */
  get localMs(): number {
    return this.#clock.offsetMs + this.timeline.nowMs * this.#clock.rate;
  }

  perform(action: () => void): void {
    if (!this.alive) return;
    action();
    this.pump();
    this.#schedule();
  }

  /** What is due, and what there is to say. */
  protected abstract pump(): void;
  protected abstract nextLocalMs(): number;

  #schedule(): void {
    const nextMs = this.nextLocalMs();
    if (!this.alive || nextMs === Infinity) return;
    // a hair later: the way back from local time is not exact
    const { offsetMs, rate } = this.#clock;
    const wakeMs = Math.max(this.timeline.nowMs + 0.001, (nextMs - offsetMs) / rate + 0.001);
    if (this.#wakeMs > this.timeline.nowMs && this.#wakeMs <= wakeMs) return;
    this.#wakeMs = wakeMs;
    this.timeline.at(wakeMs, () => {
      if (this.#wakeMs === wakeMs) this.#wakeMs = Infinity;
      this.perform(() => undefined);
    });
  }
}
