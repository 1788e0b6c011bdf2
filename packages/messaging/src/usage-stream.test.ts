import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { USAGE_PARTITIONS, partitionOf } from './usage-stream.ts';

describe('the partition of an account', () => {
  // published FNV-1a 32 values: the authors' test suite and draft-eastlake-fnv
  test.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
    ['chongo was here!\n', 0xd49930d5],
  ])('is FNV-1a 32 of %j', (tenantId, hash) => {
    expect(partitionOf(tenantId)).toBe(hash % USAGE_PARTITIONS);
  });

  test('is of the UTF-8 bytes, so that a reader in any language finds the same', () => {
    let hash = 0x811c9dc5n;
    for (const byte of [0xc3, 0xa9, 0xf0, 0x9f, 0x94, 0x91]) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
    expect(partitionOf('é🔑')).toBe(Number(hash % 8n));
  });

  test.each([
    ['random ids', () => randomUUID()],
    ['counted names', (at: number) => `tenant-${at}`],
  ])('spreads %s evenly', (_, idOf) => {
    const counts = Array.from({ length: USAGE_PARTITIONS }, () => 0);
    for (let at = 0; at < 8_000; at += 1) {
      const partition = partitionOf(idOf(at));
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    // 1,000 each; seven standard deviations of chance
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(210);
  });
});
