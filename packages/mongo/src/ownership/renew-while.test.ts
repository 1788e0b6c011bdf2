import { expect, test } from 'vitest';
import { renewWhile } from './owned.ts';

function tenure(onRenew: (times: number) => void) {
  let times = 0;
  return {
    renewalDueInMs: () => 0,
    renew: async () => {
      times += 1;
      onRenew(times);
      await Promise.resolve();
    },
  };
}

test('while the work goes on it is renewed for, and its result is given', async () => {
  const work = Promise.withResolvers<string>();
  const owned = tenure((times) => {
    if (times === 3) work.resolve('done');
  });
  expect(await renewWhile(owned, work.promise)).toBe('done');
});

test('nothing is renewed for work that has taken too long', async () => {
  const owned = tenure(() => {
    throw new Error('it was renewed');
  });
  expect(await renewWhile(owned, Promise.resolve('late'), 0)).toBe('late');
});

test('an ownership that is over, and work that fails, end the wait', async () => {
  const never = new Promise<never>(() => undefined);
  const over = tenure(() => {
    throw new Error('over');
  });
  await expect(renewWhile(over, never)).rejects.toThrow('over');
  await expect(
    renewWhile(
      tenure(() => undefined),
      Promise.reject(new Error('failed')),
    ),
  ).rejects.toThrow('failed');
});
