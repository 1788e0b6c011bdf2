import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { UncommittedAges } from './uncommitted-ages.ts';

test('the age is that of the oldest uncommitted event, at most a second too high', () => {
  const step = fc.record({
    waitMs: fc.nat(700),
    partition: fc.nat(2),
    commit: fc.boolean(),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ages = new UncommittedAges();
      const addedAtMs: number[][] = [[], [], []];
      const committed = [0, 0, 0];
      let nowMs = 0;
      for (const { waitMs, partition, commit, share } of steps) {
        nowMs += waitMs;
        const events = addedAtMs[partition] ?? [];
        if (commit) {
          const upTo = Math.max(committed[partition] ?? 0, Math.round(share * events.length));
          committed[partition] = upTo;
          ages.committed(partition, BigInt(upTo), BigInt(events.length));
        } else {
          events.push(nowMs);
          ages.added(partition, BigInt(events.length), nowMs);
        }
        const oldestAtMs = Math.min(nowMs, ...addedAtMs.map((all, p) => all[committed[p] ?? 0] ?? nowMs));
        const tooHighMs = ages.oldestMs(nowMs) - (nowMs - oldestAtMs);
        expect(tooHighMs).toBeGreaterThanOrEqual(0);
        expect(tooHighMs).toBeLessThan(1000);
      }
    }),
  );
});
