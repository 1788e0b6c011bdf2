/** Epoch milliseconds with microseconds behind the point; monotonic within a process. */
export function nowMs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
}
