import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evenQuotas } from './even-quotas.ts';

const holding = (used: number, total: number): { used: number; total: number } => ({ used, total });

test('who has one more already keeps it', () => {
  const keys = new Map([
    ['a', holding(0, 2)],
    ['b', holding(1, 3)],
    ['c', holding(0, 2)],
  ]);
  expect(Object.fromEntries(evenQuotas(keys, 7))).toEqual({ a: 2, b: 3, c: 2 });
});

test('all buckets are given, nobody loses what is used, and whoever could give has at most one more than any other', () => {
  const key = fc.record({ used: fc.nat({ max: 30 }), unused: fc.nat({ max: 30 }) });
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 12 }), fc.nat({ max: 50 }), (all, spare) => {
      const keys = new Map(all.map(({ used, unused }, i) => [`k${i}`, holding(used, used + unused)]));
      const buckets = all.reduce((sum, { used, unused }) => sum + used + unused, spare);
      const quotas = evenQuotas(keys, buckets);
      const given = [...quotas.values()];
      expect(given.reduce((sum, quota) => sum + quota, 0)).toBe(buckets);
      const least = Math.min(...given);
      for (const [id, { used }] of keys) {
        const quota = quotas.get(id) ?? 0;
        expect(quota).toBeGreaterThanOrEqual(used);
        if (quota > used) expect(quota - least).toBeLessThanOrEqual(1);
      }
    }),
  );
});
