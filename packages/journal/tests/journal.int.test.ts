import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from '../src/index.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const kib = Buffer.alloc(1024);

test('a journal that is full by bytes refuses new requests, finishes the open ones, and admits again once they are charged', async () => {
  await using journal = await openJournal({ dir, epoch: 'own', segmentBytes: 4096, maxBytes: 20_000 });
  let opened = 0;
  while (journal.full === undefined && opened < 100) journal.opened(`r${(opened += 1)}`, 0, kib);
  expect(journal.full).toBe('bytes');
  expect(() => journal.opened('one more', 0, kib)).toThrow(expect.objectContaining({ code: 'full' }));

  for (let n = 0; n < 100; n += 1) journal.progress('r1', kib);
  expect(journal.stats().bytes).toBeLessThan(2 * 20_000 + 2048 + 4096);
  expect(journal.stats().progressSkipped).toBeGreaterThan(0);
  for (let n = 1; n <= opened; n += 1) expect(journal.done(`r${n}`, 0, () => kib)).toBe(BigInt(n));
  journal.committed('own', 0, BigInt(opened));
  journal.opened('one more', 0, kib);
  expect(journal.full).toBeUndefined();
});

test('a journal whose oldest event waits too long refuses new requests until it is charged', async () => {
  let nowMs = 0;
  await using journal = await openJournal({ dir, epoch: 'own', maxAgeMs: 900_000, now: () => nowMs });
  journal.opened('open', 0, kib);
  journal.opened('done', 0, kib);
  nowMs = 1_000_000;
  expect(journal.full).toBeUndefined();
  journal.done('done', 0, () => kib);
  nowMs = 1_900_001;
  expect(journal.full).toBe('age');
  expect(journal.stats()).toMatchObject({ open: 1, uncommitted: 1, oldestAgeMs: 900_001 });
  journal.committed('own', 0, 1n);
  expect(journal.full).toBeUndefined();
});

test('what was charged is not sent again after a restart, nor kept', async () => {
  const journal = await openJournal({ dir, epoch: 'first', segmentBytes: 4096 });
  for (let n = 1; n <= 40; n += 1) {
    journal.opened(`r${n}`, 3, kib);
    journal.done(`r${n}`, 3, (number) => Buffer.from(`event ${number}`));
  }
  expect(readdirSync(join(dir, 'first')).length).toBeGreaterThan(8);
  journal.committed('first', 3, 38n);
  expect(readdirSync(join(dir, 'first')).length).toBeLessThan(4);
  expect(() => journal.committed('first', 3, 41n)).toThrow(expect.objectContaining({ code: 'invalid_commit' }));
  await journal[Symbol.asyncDispose]();
  expect(() => journal.opened('late', 3, kib)).toThrow(expect.objectContaining({ code: 'closed' }));

  await using next = await openJournal({ dir, epoch: 'second' });
  const events = await Array.fromAsync(next.events('first'), ({ number, payload }) => [
    number,
    Buffer.from(payload).toString(),
  ]);
  expect(events).toEqual([
    [39n, 'event 39'],
    [40n, 'event 40'],
  ]);
  next.committed('first', 3, 40n);
  next.committed('first', 3, 40n);
  expect(next.epochsWithUncommitted()).toEqual([]);
  expect(readdirSync(dir)).toEqual(['second']);
});
