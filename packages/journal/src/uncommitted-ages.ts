/** One mark stands for all events that follow within this time. */
const MARK_MS = 1000;

/** How long the oldest uncommitted event has waited, up to a second too high; one mark per second instead of one per event. */
export class UncommittedAges {
  readonly #marks = new Map<number, { readonly number: bigint; readonly atMs: number }[]>();

  added(partition: number, number: bigint, nowMs: number): void {
    const marks = this.#marks.get(partition);
    if (marks === undefined) this.#marks.set(partition, [{ number, atMs: nowMs }]);
    else if (nowMs - (marks.at(-1)?.atMs ?? -Infinity) >= MARK_MS) marks.push({ number, atMs: nowMs });
  }

  committed(partition: number, upTo: bigint, assigned: bigint): void {
    const marks = this.#marks.get(partition);
    if (marks === undefined) return;
    if (upTo >= assigned) {
      this.#marks.delete(partition);
      return;
    }
    // A mark goes when the next one stands for the oldest event that is left.
    const next = marks.findIndex(({ number }) => number > upTo + 1n);
    marks.splice(0, (next === -1 ? marks.length : next) - 1);
  }

  oldestMs(nowMs: number): number {
    let oldestAtMs = nowMs;
    for (const marks of this.#marks.values()) oldestAtMs = Math.min(oldestAtMs, marks[0]?.atMs ?? nowMs);
    return nowMs - oldestAtMs;
  }
}
