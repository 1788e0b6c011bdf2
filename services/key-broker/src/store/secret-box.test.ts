import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SecretBox } from './secret-box.ts';

const old = { id: 'old', key: randomBytes(32) };
const current = { id: 'new', key: randomBytes(32) };

test('what is sealed is opened again, reads like nothing, and is never the same twice', () => {
  const box = new SecretBox(current);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 4, maxLength: 200 }), (secret) => {
      const sealed = box.seal(secret);
      expect(box.open(sealed)).toBe(secret);
      expect(sealed).not.toContain(secret);
      expect(box.seal(secret)).not.toBe(sealed);
    }),
  );
});

test('a key that was followed by another still opens, and one that is unknown is named', () => {
  const sealed = new SecretBox(old).seal('sk-1');
  expect(new SecretBox(current, [old]).open(sealed)).toBe('sk-1');
  expect(() => new SecretBox(current).open(sealed)).toThrow('the key old, which is not configured');
});

test('a value that somebody changed is refused', () => {
  const sealed = new SecretBox(current).seal('sk-1');
  const [head, text] = [sealed.slice(0, 'omg1:new:'.length), sealed.slice('omg1:new:'.length)];
  // of the very last one two bits say nothing
  for (let at = 0; at < text.length - 1; at += 1) {
    const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    expect(() => new SecretBox(current).open(head + changed)).toThrow(/authenticate/);
  }
  expect(() => new SecretBox({ ...current, key: randomBytes(32) }).open(sealed)).toThrow(/authenticate/);
});

test.each(['sk-plain', 'omg1:only-two-parts', ''])('%j, which is not sealed, is taken as it is', (stored) => {
  expect(new SecretBox(current).open(stored)).toBe(stored);
});
