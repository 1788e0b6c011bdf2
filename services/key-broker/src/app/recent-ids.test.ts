import { expect, test } from 'vitest';
import { RecentIds } from './recent-ids.ts';

test('the last ids are remembered, however often one comes, and no more than the bound', () => {
  const ids = new RecentIds(3);
  expect(['a', 'b', 'a', 'c', 'd'].map((id) => ids.add(id))).toEqual([true, true, false, true, true]);
  // a is the oldest of four, also since it came again
  expect(['b', 'c', 'd', 'a'].map((id) => ids.add(id))).toEqual([false, false, false, true]);
});
