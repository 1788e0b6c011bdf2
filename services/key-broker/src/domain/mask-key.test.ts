import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskKey } from './mask-key.ts';

test.each([
  ['sk-abcdefghijklmnopqrstuvwxyz', 'sk-abcde…wxyz'],
  ['123456789012345678901234', '12345678…1234'],
  ['1234567890', '1234…0'],
  ['123', '1…'],
  ['1', '…'],
  ['', '…'],
])('%j is shown as %j', (secret, masked) => {
  expect(maskKey(secret)).toBe(masked);
});

test('never more than half of a key is shown, from its two ends', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '1', '-') }), (secret) => {
      const [head = '', tail = ''] = maskKey(secret).split('…');
      expect(head.length).toBeLessThanOrEqual(8);
      expect(tail.length).toBeLessThanOrEqual(4);
      expect((head + tail).length).toBeLessThanOrEqual(secret.length / 2);
      expect(secret.startsWith(head) && secret.endsWith(tail)).toBe(true);
    }),
  );
});
