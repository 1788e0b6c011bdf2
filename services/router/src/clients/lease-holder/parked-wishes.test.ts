import { expect, test } from 'vitest';
import type { LeaseWish } from '../../app/lease-broker.ts';
import { ParkedWishes } from './parked-wishes.ts';

const wish = (model: string, signal = new AbortController().signal): LeaseWish => ({
  model,
  affinityHash: undefined,
  tokens: 0,
  exclude: [],
  signal,
});

test('a slot that comes free goes to the first that can use it, and to one only', async () => {
  const parked = new ParkedWishes<string>();
  const waits = ['a', 'b', 'b'].map(async (model) => await parked.wait(wish(model), 10_000));
  parked.serve(({ model }) => (model === 'b' ? 'lease' : undefined));
  expect(await waits[1]).toBe('lease');
  parked.wakeAll();
  expect(await Promise.all(waits)).toEqual([undefined, 'lease', undefined]);
});

test('nobody waits who has left, nor longer than it may', async () => {
  const parked = new ParkedWishes<string>();
  const leaving = new AbortController();
  const waits = [parked.wait(wish('a', leaving.signal), 10_000), parked.wait(wish('b'), 5)];
  leaving.abort();
  expect(await Promise.all(waits)).toEqual([undefined, undefined]);
  expect(await parked.wait(wish('a', leaving.signal), 10_000)).toBeUndefined();
  parked.serve(() => expect.unreachable());
});
