import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.ts';

test('a secret shows itself in no form but the one that asks for it', () => {
  const secret = new Secret('hunter2');
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ deep: [secret] }),
    Object.values(secret).join(''),
  ];
  expect(shown.join(' ')).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});
