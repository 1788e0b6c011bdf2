import { expect, test } from 'vitest';
import { createSleepAwareClock } from './sleep-aware-clock.ts';

function sources() {
  const at = { monotonic: 5_000, wall: 1_000_000 };
  const clock = createSleepAwareClock({ monotonicMs: () => at.monotonic, wallMs: () => at.wall });
  const pass = (monotonicMs: number, wallMs: number): number => {
    at.monotonic += monotonicMs;
    at.wall += wallMs;
    return clock();
  };
  return pass;
}

test('time that only the wall clock saw has passed', () => {
  const pass = sources();
  const before = pass(0, 0);
  expect(pass(100, 100) - before).toBe(100);
  expect(pass(10, 60_010) - before).toBe(60_110);
  expect(pass(100, 100) - before).toBe(60_210);
});

test('a wall clock that is set back, or nudged, changes nothing', () => {
  const pass = sources();
  const before = pass(0, 0);
  expect(pass(100, -3_600_000) - before).toBe(100);
  expect(pass(100, 100) - before).toBe(200);
  expect(pass(1_000, 1_100) - before).toBe(1_200);
  expect(pass(1_000, 900) - before).toBe(2_200);
});
