import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EpochLog } from './epoch-log.ts';
import type { EpochLogOptions, JournalEvent } from './epoch-log.ts';
import { JournalError } from './journal-error.ts';
import { encodeRecord } from './record.ts';
import type { SegmentFiles } from './segment-files.ts';

/** The process is dead: thrown by everything that it still tries. */
class Killed extends Error {}

/** A disk whose process dies after `fuel` bytes or changes, and that has room for `freeBytes` more. */
class FaultyDisk implements SegmentFiles {
  readonly segments = new Map<number, Buffer>();
  fuel = Infinity;
  freeBytes = Infinity;
  truncates = true;
  written = 0;
  used = 0;
  #current = 0;

  list(): number[] {
    return [...this.segments.keys()].toSorted((a, b) => a - b);
  }

  async read(index: number): Promise<Buffer | undefined> {
    await Promise.resolve();
    const bytes = this.segments.get(index);
    return bytes === undefined ? undefined : Buffer.from(bytes);
  }

  create(index: number): void {
    this.#change();
    this.segments.set(index, Buffer.alloc(0));
    this.#current = index;
  }

  append(bytes: Uint8Array): void {
    const fitting = Math.min(bytes.length, this.freeBytes, this.fuel);
    this.fuel -= fitting;
    this.freeBytes -= fitting;
    this.written += fitting;
    this.used += fitting;
    const before = this.segments.get(this.#current) ?? Buffer.alloc(0);
    this.segments.set(this.#current, Buffer.concat([before, bytes.subarray(0, fitting)]));
    if (fitting === bytes.length) return;
    if (this.fuel === 0) throw new Killed();
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  }

  truncate(index: number, sizeBytes: number): void {
    this.#change();
    if (!this.truncates) throw Object.assign(new Error('broken'), { code: 'EIO' });
    this.segments.set(index, Buffer.from((this.segments.get(index) ?? Buffer.alloc(0)).subarray(0, sizeBytes)));
  }

  unlink(index: number): void {
    this.#change();
    this.segments.delete(index);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
  }

  close(): void {}

  removeFolder(): void {}

  #change(): void {
    if (this.fuel === 0) throw new Killed();
    this.fuel -= 1;
    this.used += 1;
  }
}

/** What was acknowledged. */
class Model {
  readonly open = new Map<string, { partition: number; opened: string; progress: string | undefined }>();
  /** By partition and number. */
  readonly events = new Map<string, { requestId: string; payload: string }>();
  readonly assigned = [0n, 0n];
  readonly committed = [0n, 0n];
  /** Committed, and the disk had room to note it. */
  readonly noted = [0n, 0n];
  /** A half record could not be removed, so it is found later. */
  mayBeDamaged = false;
}

const partition = fc.nat(1);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('opened' as const), partition }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('progress' as const), pick: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('done' as const), pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('committed' as const), partition, pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), fuel: fc.oneof(fc.nat(400), fc.nat(4)) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('space' as const),
      freeBytes: fc.option(fc.nat(300), { nil: Infinity }),
      truncates: fc.boolean(),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Action {
  run: (log: EpochLog) => void;
  /** It was acknowledged, or found to have happened. */
  note: () => void;
  noted?: () => void;
}

function prepare(next: Step, serial: number, model: Model): Action | undefined {
  switch (next.do) {
    case 'opened': {
      const requestId = `r${serial}`;
      const opened = `opened ${serial}`;
      return {
        run: (log) => log.opened(requestId, next.partition, Buffer.from(opened)),
        note: () => model.open.set(requestId, { partition: next.partition, opened, progress: undefined }),
      };
    }
    case 'progress':
    case 'done': {
      const [requestId, request] = [...model.open][next.pick % Math.max(model.open.size, 1)] ?? [];
      if (requestId === undefined || request === undefined) return undefined;
      if (next.do === 'progress') {
        const progress = `progress ${serial}`;
        return {
          run: (log) => log.progress(requestId, Buffer.from(progress)),
          note: () => model.open.set(requestId, { ...request, progress }),
        };
      }
      const number = (model.assigned[request.partition] ?? 0n) + 1n;
      return {
        run: (log) => expect(log.done(requestId, request.partition, (n) => Buffer.from(`event ${n}`))).toBe(number),
        note: () => {
          model.open.delete(requestId);
          model.assigned[request.partition] = number;
          model.events.set(`${request.partition}/${number}`, { requestId, payload: `event ${number}` });
        },
      };
    }
    case 'committed': {
      const committed = model.committed[next.partition] ?? 0n;
      const upTo = committed + (BigInt(next.pick) % ((model.assigned[next.partition] ?? 0n) - committed + 1n));
      return {
        run: (log) => log.committed(next.partition, upTo),
        // Whether the journal noted it or not, the ledger has charged them.
        note: () => {
          model.committed[next.partition] = upTo;
        },
        noted: () => {
          if (upTo > committed) model.noted[next.partition] = upTo;
        },
      };
    }
    default:
      return undefined;
  }
}

test('killed at any byte, full at any byte: no event is lost, no open request forgotten, no number left out or given twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 150, size: 'max' }),
      fc.array(fc.nat(60), { maxLength: 3 }),
      async (steps, recoveryFuels) => {
        await runScript(new FaultyDisk(), steps, recoveryFuels);
      },
    ),
    { numRuns: RUNS },
  );
}, 60_000);

test('the same, killed once at each byte of a script that fills, rotates and cuts', async () => {
  const script: Step[] = [
    { do: 'opened', partition: 1 },
    ...Array.from({ length: 24 }, (_, n): Step => ({ do: n % 2 === 0 ? 'opened' : 'done', partition: 0, pick: 1 })),
    { do: 'progress', pick: 0 },
    { do: 'committed', partition: 0, pick: 3 },
    { do: 'committed', partition: 0, pick: 8 },
    ...Array.from({ length: 8 }, (_, n): Step => ({ do: n % 2 === 0 ? 'opened' : 'done', partition: 0, pick: 1 })),
    { do: 'committed', partition: 0, pick: 4 },
  ];
  const whole = new FaultyDisk();
  await runScript(whole, script, []);
  expect(whole.used).toBeGreaterThan(1000);
  for (let fuel = 0; fuel < whole.used; fuel += 1) {
    const disk = new FaultyDisk();
    disk.fuel = fuel;
    await runScript(disk, script, [fuel % 7]);
  }
});

async function runScript(disk: FaultyDisk, steps: readonly Step[], recoveryFuels: readonly number[]): Promise<void> {
  const model = new Model();
  let log = new EpochLog(logOptions(disk));
  for (const [serial, next] of steps.entries()) {
    if (next.do === 'kill') disk.fuel = next.fuel;
    if (next.do === 'space') Object.assign(disk, { freeBytes: next.freeBytes, truncates: next.truncates });
    model.mayBeDamaged ||= !disk.truncates;
    const action = prepare(next, serial, model);
    try {
      action?.run(log);
      action?.note();
      if (disk.freeBytes > 0) action?.noted?.();
    } catch (error) {
      if (error instanceof JournalError && error.code === 'no_space') continue;
      if (!wasKilled(error)) throw error;
      for (const fuel of recoveryFuels) await recoverAndDie(disk, fuel);
      log = await restart(disk);
      if (next.do === 'committed' || (await isVisible(log, model, next, serial))) action?.note();
      await expectSame(log, model);
    }
  }
  await expectSame(await restart(disk), model);
}

test('an hour of one open stream keeps no other segment than the newest', () => {
  const disk = new FaultyDisk();
  const log = new EpochLog(logOptions(disk));
  log.opened('long', 1, Buffer.from('long'));
  for (let n = 1; n <= 500; n += 1) {
    log.opened(`r${n}`, 0, Buffer.from('opened'));
    log.progress('long', Buffer.from(`progress ${n}`));
    log.done(`r${n}`, 0, () => Buffer.from('event'));
    log.committed(0, BigInt(n));
  }
  expect(disk.list()).toHaveLength(1);
  expect(log.sizeBytes).toBeLessThan(2 * SEGMENT_BYTES);
  expect(log.open.get('long')?.progress).toEqual(Buffer.from('progress 500'));
});

test('with very many open requests, heads stay below half of what is written', () => {
  const disk = new FaultyDisk();
  const log = new EpochLog(logOptions(disk));
  for (let n = 0; n < 300; n += 1) log.opened(`r${n}`, 0, Buffer.from('opened'));
  const before = disk.written;
  for (let n = 0; n < 3000; n += 1) log.progress(`r${n % 300}`, Buffer.from('progress'));
  const asked = 3000 * encodeRecord({ type: 'progress', requestId: 'r100', payload: Buffer.from('progress') }).length;
  expect(disk.written - before).toBeLessThan(2 * asked);
});

test('an event that the disk destroyed is reported, and its number is given again first', async () => {
  const disk = new FaultyDisk();
  const log = new EpochLog({ ...logOptions(disk), segmentBytes: 1_000_000 });
  for (const id of ['a', 'b', 'c', 'd']) log.opened(id, 0, Buffer.from(id));
  for (const id of ['a', 'b', 'c']) log.done(id, 0, (n) => Buffer.from(`event ${n} of ${id}`));
  const bytes = disk.segments.get(1) ?? Buffer.alloc(0);
  const at = bytes.indexOf('event 2');
  bytes.write('X', at);

  const recovered = await restart(disk);
  expect(recovered.damage).toEqual([expect.objectContaining({ epoch: 'e', segment: 1 })]);
  expect(recovered.missing).toEqual([{ partition: 0, from: 2n, to: 2n }]);
  expect([...recovered.open.keys()]).toEqual(['b', 'd']);
  expect(recovered.done('b', 0, (n) => Buffer.from(`event ${n}`))).toBe(2n);
  expect(recovered.done('d', 0, (n) => Buffer.from(`event ${n}`))).toBe(4n);
  expect(recovered.missing).toEqual([]);

  const again = await restart(disk);
  expect(again.missing).toEqual([]);
  expect(new Set((await eventsOf(again)).map(({ number }) => number))).toEqual(new Set([1n, 2n, 3n, 4n]));
  again.committed(0, 4n);
  expect(again.isSettled).toBe(true);
});

test('a last record that is all there and not sound is reported and kept, not taken for one cut short', async () => {
  const disk = new FaultyDisk();
  const log = new EpochLog(logOptions(disk));
  log.opened('a', 0, Buffer.from('a'));
  log.done('a', 0, () => Buffer.from('event of a'));
  const bytes = disk.segments.get(1) ?? Buffer.alloc(0);
  bytes.write('X', bytes.indexOf('event of a'));
  const recovered = await restart(disk);
  expect(recovered.damage).toHaveLength(1);
  expect(disk.segments.get(1)).toHaveLength(bytes.length);
  expect(recovered.done('a', 0, () => Buffer.from('event'))).toBe(1n);
  expect(await eventsOf(await restart(disk))).toMatchObject([{ requestId: 'a', number: 1n }]);
});

test('what was cut is known as committed, even behind a segment whose head never reached the disk', async () => {
  const disk = new FaultyDisk();
  const positions = [{ partition: 0, assigned: 5n, committed: 2n }];
  disk.segments.set(2, Buffer.alloc(0));
  disk.segments.set(3, encodeRecord({ type: 'head', positions }));
  const recovered = await restart(disk);
  expect(recovered.missing).toEqual([]);
  expect(recovered.isSettled).toBe(true);
});

test('a number is not used again when the record that had it is destroyed', async () => {
  const disk = new FaultyDisk();
  const log = new EpochLog(logOptions(disk));
  log.opened('a', 0, Buffer.from('a'));
  log.done('a', 0, () => Buffer.from('event of a'));
  for (let n = 0; n < 10; n += 1) log.opened(`r${n}`, 1, Buffer.from('opened'));
  expect(disk.list()).toEqual([1, 2]);
  const bytes = disk.segments.get(1) ?? Buffer.alloc(0);
  bytes.write('X', bytes.indexOf('event of a'));
  const recovered = await restart(disk);
  expect(recovered.missing).toEqual([{ partition: 0, from: 1n, to: 1n }]);
  expect(recovered.assignedUpTo(0)).toBe(1n);
});

test('a call that cannot be right changes nothing', () => {
  const log = new EpochLog(logOptions(new FaultyDisk()));
  log.opened('a', 0, Buffer.from('a'));
  expect(() => log.opened('a', 0, Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'duplicate_request' }));
  expect(() => log.done('b', 0, () => Buffer.from('b'))).toThrow(expect.objectContaining({ code: 'unknown_request' }));
  expect(() =>
    log.done('a', 0, () => {
      throw new Error('encode');
    }),
  ).toThrow('encode');
  expect(log.done('a', 0, () => Buffer.from('a'))).toBe(1n);
  expect(() => log.done('a', 0, () => Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'unknown_request' }));
});

const SEGMENT_BYTES = 300;
const RUNS = 1000;

function logOptions(files: SegmentFiles): EpochLogOptions {
  return {
    epoch: 'e',
    files,
    segmentBytes: SEGMENT_BYTES,
    now: () => 0,
    onFailure(error) {
      // The living tolerate it; the dead must not go on.
      if (wasKilled(error)) throw error;
    },
  };
}

function wasKilled(error: unknown): boolean {
  return error instanceof Killed || (error instanceof Error && wasKilled(error.cause));
}

async function restart(disk: FaultyDisk): Promise<EpochLog> {
  Object.assign(disk, { fuel: Infinity, freeBytes: Infinity, truncates: true });
  return await EpochLog.recover(logOptions(disk));
}

async function recoverAndDie(disk: FaultyDisk, fuel: number): Promise<void> {
  Object.assign(disk, { fuel, truncates: true });
  try {
    await EpochLog.recover(logOptions(disk));
  } catch (error) {
    if (!wasKilled(error)) throw error;
  }
}

/** Whether the step during which the process was killed had reached the disk. */
async function isVisible(log: EpochLog, model: Model, next: Step, serial: number): Promise<boolean> {
  if (next.do === 'opened') return log.open.has(`r${serial}`);
  if (next.do === 'progress') return log.open.values().some(({ progress }) => text(progress) === `progress ${serial}`);
  return (await eventsOf(log)).some(({ partition: p, number }) => number > (model.assigned[p] ?? 0n));
}

async function expectSame(log: EpochLog, model: Model): Promise<void> {
  const open = Array.from(log.open, ([id, { partition: p, opened, progress }]) => [
    id,
    { partition: p, opened: text(opened), progress: text(progress) },
  ]);
  expect(Object.fromEntries(open)).toEqual(Object.fromEntries(model.open));
  expect(model.assigned.map((_, p) => log.assignedUpTo(p))).toEqual(model.assigned);
  expect(log.missing).toEqual([]);
  if (!model.mayBeDamaged) expect(log.damage).toEqual([]);

  const events = await eventsOf(log);
  const found = new Map(events.map((event) => [`${event.partition}/${event.number}`, event]));
  expect(found.size).toBe(events.length);
  for (const [key, { requestId, payload }] of found) {
    expect({ requestId, payload: text(payload) }).toEqual(model.events.get(key));
  }
  for (const { partition: p, number } of events) {
    expect(number > (model.noted[p] ?? 0n), `event ${p}/${number} was noted as committed`).toBe(true);
  }
  for (const [p, assigned] of model.assigned.entries()) {
    for (let number = (model.committed[p] ?? 0n) + 1n; number <= assigned; number += 1n) {
      expect(found.has(`${p}/${number}`), `event ${p}/${number}`).toBe(true);
    }
  }
}

async function eventsOf(log: EpochLog): Promise<JournalEvent[]> {
  return await Array.fromAsync(log.events());
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}
