import { describe, expect, test } from 'vitest';
import { isClientKey, makeClientKey, maskClientKey } from './client-key.ts';

describe('client keys', () => {
  test('a made key is one, and no two are the same', () => {
    const keys = Array.from({ length: 100 }, makeClientKey);
    expect(keys.every(isClientKey)).toBe(true);
    expect(new Set(keys).size).toBe(100);
  });

  test('any single changed character is found by the checksum', () => {
    const key = makeClientKey();
    for (let at = 'sk-omg-'.length; at < key.length; at += 1) {
      const other = key[at] === 'A' ? 'B' : 'A';
      expect(isClientKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
  });

  test.each(['', 'sk-omg-', 'sk-ant-123', `${makeClientKey()} `, 'sk-omg-'.padEnd(55, 'é')])('%j is no key', (text) => {
    expect(isClientKey(text)).toBe(false);
  });

  test('the masked form gives nothing of the random part away but four characters at each end', () => {
    const key = makeClientKey();
    expect(maskClientKey(key)).toEqual({ prefix: key.slice(0, 11), lastFour: key.slice(-4) });
  });
});
