import { expect, test } from 'vitest';
import { BoundedStack } from './bounded-stack.ts';

test('resources go in reverse order, also after a move, and one that hangs or fails does not stop the rest', async () => {
  const gone: string[] = [];
  const stack = new BoundedStack(50);
  stack.use({ [Symbol.dispose]: () => void gone.push('first') });
  stack.defer(async () => await new Promise<never>(() => undefined));
  stack.adopt('third', (name) => void gone.push(name));
  stack.use({ [Symbol.asyncDispose]: async () => await Promise.reject(new Error('fourth')) });
  stack.use({
    [Symbol.asyncDispose]: async () => {
      await Promise.resolve();
      gone.push('fifth');
    },
  });
  const moved = stack.move();
  await expect(moved.disposeAsync()).rejects.toMatchObject({
    error: new Error('not done within 50 ms'),
    suppressed: new Error('fourth'),
  });
  expect(gone).toEqual(['fifth', 'third', 'first']);
});
