import { describe, expect, test } from 'vitest';
import { MAX_EARLIER_SECRETS, earlierSecretsAfter, type EarlierSecret } from './client-key-terms.ts';

const HOUR_MS = 3_600_000;
const at = (hours: number): Date => new Date(hours * HOUR_MS);
const secret = (name: string): Omit<EarlierSecret, 'endsAt'> => ({ prefix: name, lastFour: name });
const earlier = (name: string, hours: number): EarlierSecret => ({ ...secret(name), endsAt: at(hours) });
const rotate = (
  before: readonly EarlierSecret[],
  name: string,
  now: number,
  graceHours: number,
): readonly EarlierSecret[] =>
  earlierSecretsAfter(before, secret(name), { now: at(now), graceMs: graceHours * HOUR_MS });

describe('a secret that is replaced', () => {
  test('works until the grace is over', () => {
    expect(rotate([], 'a', 10, 24)).toEqual([earlier('a', 34)]);
  });

  test('does not work any more without a grace, nor do those before it', () => {
    expect(rotate([earlier('a', 34)], 'b', 11, 0)).toEqual([]);
  });

  test('lets those before it have the rest of their grace, and no more than its own', () => {
    expect(rotate([earlier('a', 12), earlier('b', 34)], 'c', 11, 5)).toEqual([
      earlier('a', 12),
      earlier('b', 16),
      earlier('c', 16),
    ]);
  });

  test('leaves those out whose grace is over, and the oldest of too many', () => {
    const many = Array.from({ length: MAX_EARLIER_SECRETS }, (_, index) => earlier(String(index), 100));
    expect(rotate([earlier('old', 11), ...many], 'new', 11, 100).map(({ prefix }) => prefix)).toEqual([
      ...many.slice(1).map(({ prefix }) => prefix),
      'new',
    ]);
  });
});
