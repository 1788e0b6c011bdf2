import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from './deadlines.ts';

test('gives what is due, the earliest first, and nothing before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 50 }), (times, nowMs) => {
      const deadlines = new Deadlines<number>();
      for (const atMs of times) deadlines.add(atMs, atMs);
      const taken: number[] = [];
      for (let item = deadlines.take(nowMs); item !== undefined; item = deadlines.take(nowMs)) taken.push(item);
      expect(taken).toEqual(times.filter((atMs) => atMs <= nowMs).toSorted((a, b) => a - b));
      expect(deadlines.nextMs).toBe(Math.min(...times.filter((atMs) => atMs > nowMs)));
    }),
  );
});
