import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from '../src/index.ts';
import type { Journal, JournalEvent } from '../src/index.ts';
import { Child } from './child.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Told {
  readonly open: Map<string, { partition: number; progress: boolean }>;
  /** By partition and number. */
  readonly events: Map<string, string>;
  readonly committed: bigint[];
}

test.for([1, 7, 60, 300, 1200, 4000])('kill -9 after %i acknowledgements loses none of them', async (count) => {
  await using child = new Child('write', { dir, epoch: 'dead' });
  await child.saidLines(count + 1);
  await child.kill();

  const told = toTold(child.lines);
  await using journal = await openJournal({ dir, epoch: 'next' });
  await expectToldIn(journal, told);
  expect(journal.damage).toEqual([]);
});

test('an adopter that is killed too leaves to the third the same events with the same numbers', async () => {
  await using first = new Child('fill', { dir, epoch: 'first' });
  await first.saidLines(500);
  await first.kill();
  await using second = new Child('settle', { dir, epoch: 'second' });
  await second.saidLines(12);
  await second.kill();

  const told = toTold(first.lines);
  const settled = second.lines.filter((line) => line.startsWith('settled '));
  expect(settled.length).toBeGreaterThan(5);
  for (const line of settled) {
    const [, id = '', partition = '', number = ''] = line.split(' ');
    told.events.set(`${partition}/${number}`, `lost ${id} ${number}`);
    told.open.delete(id);
  }
  await using journal = await openJournal({ dir, epoch: 'third' });
  await expectToldIn(journal, told);

  for (const { requestId, partition } of journal.adopted[0]?.lost ?? []) {
    journal.settleLost('first', requestId, partition, (n) => Buffer.from(`lost ${requestId} ${n}`));
  }
  const events = await Array.fromAsync(journal.events('first'));
  for (const partition of [0, 1, 2]) {
    const numbers = events.filter((event) => event.partition === partition).map(({ number }) => number);
    expect(numbers).toEqual(numbers.map((_, index) => BigInt(index + 1)));
    journal.committed('first', partition, BigInt(numbers.length));
  }
  expect(journal.adopted).toEqual([]);
  expect(readdirSync(dir)).toEqual(['third']);
});

test('a file that may not grow refuses with a typed error, and loses nothing that was acknowledged', async () => {
  await using child = new Child('fill', { dir, epoch: 'dead', fileLimitBlocks: 3 });
  expect(await child.said('refused')).toBe('refused no_space');
  await child.kill();
  await using journal = await openJournal({ dir, epoch: 'next' });
  await expectToldIn(journal, toTold(child.lines));
  expect(journal.damage).toEqual([]);
});

/** At most one more thing may have happened than was told: the one after which the process was killed. */
async function expectToldIn(journal: Journal, told: Told): Promise<void> {
  const [adopted] = journal.adopted;
  const events = adopted === undefined ? [] : await Array.fromAsync(journal.events(adopted.epoch));
  const found = new Map(events.map((event) => [keyOf(event), Buffer.from(event.payload).toString()]));
  expect(found.size).toBe(events.length);

  const lost = new Map(adopted?.lost.map((request) => [request.requestId, request]));
  const untoldDone = events.filter((event) => !told.events.has(keyOf(event)));
  expect(untoldDone.length).toBeLessThanOrEqual(1);
  for (const { requestId, partition, number } of untoldDone) {
    const last = [...told.events.keys()].filter((key) => key.startsWith(`${partition}/`)).length;
    expect(number).toBe(BigInt(last + 1));
    expect(told.open.delete(requestId)).toBe(true);
  }
  for (const [key, payload] of told.events) {
    const [partition = '', number = ''] = key.split('/');
    if (BigInt(number) > (told.committed[Number(partition)] ?? 0n)) expect(found.get(key)).toBe(payload);
    else expect(found.get(key) ?? payload).toBe(payload);
  }
  for (const [id, { partition, progress }] of told.open) {
    const request = lost.get(id);
    expect(request?.partition).toBe(partition);
    expect(Buffer.from(request?.opened ?? []).toString()).toBe(`opened ${id}`);
    if (progress) expect(Buffer.from(request?.progress ?? []).toString()).toBe(`progress ${id}`);
    lost.delete(id);
  }
  expect(lost.size + untoldDone.length).toBeLessThanOrEqual(1);
}

function toTold(lines: readonly string[]): Told {
  const told: Told = { open: new Map(), events: new Map(), committed: [0n, 0n, 0n] };
  for (const line of lines) {
    const [what, id = '', second = '', third = ''] = line.split(' ');
    if (what === 'opened') told.open.set(id, { partition: Number(second), progress: false });
    if (what === 'progress') told.open.set(id, { partition: told.open.get(id)?.partition ?? -1, progress: true });
    if (what === 'done') {
      told.open.delete(id);
      told.events.set(`${second}/${third}`, `event ${id} ${third}`);
    }
    if (what === 'committed') told.committed[Number(id)] = BigInt(second);
  }
  return told;
}

function keyOf({ partition, number }: JournalEvent): string {
  return `${partition}/${number}`;
}
