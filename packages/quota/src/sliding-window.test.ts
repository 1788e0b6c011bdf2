import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SlidingWindow } from './sliding-window.ts';
import { OWNER_BUCKET_MS, WINDOW_MS } from './timing.ts';

const uses = fc.array(
  fc.record({
    stepMs: fc.integer({ min: 0, max: 1500 }),
    lateMs: fc.integer({ min: 0, max: 1200 }),
    amount: fc.nat(9),
  }),
  { maxLength: 400 },
);

describe('what was used in the last minute', () => {
  test('is never less than the truth, nor more than what a bucket keeps too long, also for late reports', () => {
    fc.assert(
      fc.property(uses, fc.integer({ min: 0, max: 2 * WINDOW_MS }), (reports, waitMs) => {
        const window = new SlidingWindow();
        const all: { atMs: number; amount: number }[] = [];
        const between = (fromMs: number): number =>
          all.filter(({ atMs }) => atMs > fromMs).reduce((sum, { amount }) => sum + amount, 0);
        let nowMs = 5000;
        for (const { stepMs, lateMs, amount } of reports) {
          nowMs += stepMs;
          all.push({ atMs: nowMs - lateMs, amount });
          window.add(nowMs - lateMs, amount);
          const total = window.total(nowMs);
          expect(total).toBeGreaterThanOrEqual(between(nowMs - WINDOW_MS));
          expect(total).toBeLessThanOrEqual(between(nowMs - WINDOW_MS - OWNER_BUCKET_MS));
        }
        nowMs += waitMs;
        expect(window.total(nowMs)).toBeGreaterThanOrEqual(between(nowMs - WINDOW_MS));
        expect(window.total(nowMs + WINDOW_MS + OWNER_BUCKET_MS)).toBe(0);
      }),
    );
  });

  test('is exact for a few uses', () => {
    const window = new SlidingWindow();
    window.add(0, 1);
    window.add(10, 2);
    expect(window.total(WINDOW_MS - 1)).toBe(3);
    expect(window.total(WINDOW_MS)).toBe(2);
    expect(window.nextExpiryMs(WINDOW_MS)).toBe(WINDOW_MS + 10);
    expect(window.total(WINDOW_MS + 10)).toBe(0);
  });

  test('says when there will be room', () => {
    const window = new SlidingWindow();
    window.add(1000, 5);
    window.add(3000, 5);
    expect(window.freeAtMs(5)).toBe(61_000);
    expect(window.freeAtMs(6)).toBe(63_000);
    expect(window.freeAtMs(11)).toBe(Infinity);
  });

  test('forgets what was taken back', () => {
    const window = new SlidingWindow();
    window.add(1000, 5);
    window.add(1000, 2);
    window.remove(1000, 5);
    expect(window.total(2000)).toBe(2);
  });
});
