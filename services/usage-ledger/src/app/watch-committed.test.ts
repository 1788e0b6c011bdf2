import { describe, expect, test } from 'vitest';
import { CommitBoard, type Committed } from './commit-board.ts';
import type { Books } from './ports.ts';
import { makeWatchCommitted } from './watch-committed.ts';

const of = (upTo: bigint, partition = 0): Committed => ({ epoch: 'e', partition, upTo });

function watcherOn(marks: Books['marks'], signal = new AbortController().signal) {
  const board = new CommitBoard();
  const watch = makeWatchCommitted({ board, books: { marks }, partitions: 2, lookEveryMs: 1, pause: nextLook });
  return { board, told: watch(['e'], signal)[Symbol.asyncIterator]() };
}

/** Looks again when the test says so. */
let look = Promise.withResolvers<undefined>();
async function nextLook(_: number, signal: AbortSignal): Promise<void> {
  signal.addEventListener('abort', () => {
    look.resolve(undefined);
  });
  await look.promise;
  look = Promise.withResolvers();
}

const noMarks = async () => await Promise.resolve(new Map());

describe('watching what is committed', () => {
  test('tells what is in the books, and then what comes, and never a lower number', async () => {
    const looked = Promise.withResolvers<undefined>();
    const { board, told } = watcherOn(async (partition) => {
      await looked.promise;
      return new Map(partition === 0 ? [['e', { upTo: 3n, ahead: [] }]] : []);
    });
    const first = told.next();
    // charged while the books were being looked into, which show what was before
    board.announce([of(5n)]);
    looked.resolve(undefined);
    expect((await first).value).toEqual(of(5n));
    board.announce([of(4n), { epoch: 'another', partition: 0, upTo: 9n }, of(1n, 1)]);
    expect((await told.next()).value).toEqual(of(1n, 1));
    board.announce([of(6n)]);
    board.announce([of(7n)]);
    expect((await told.next()).value).toEqual(of(7n));
  });

  test('finds what another process has charged', async () => {
    let upTo = 1n;
    const { told } = watcherOn(
      async (partition) => await Promise.resolve(new Map(partition === 0 ? [['e', { upTo, ahead: [] }]] : [])),
    );
    expect((await told.next()).value).toEqual(of(1n));
    upTo = 2n;
    const next = told.next();
    look.resolve(undefined);
    expect((await next).value).toEqual(of(2n));
  });

  test('ends with its signal, and leaves nothing behind', async () => {
    const stop = new AbortController();
    const { board, told } = watcherOn(noMarks, stop.signal);
    const waiting = told.next();
    expect(board.watchers).toBe(1);
    stop.abort();
    expect(await waiting).toMatchObject({ done: true });
    expect(board.watchers).toBe(0);
  });

  test('leaves nothing behind where the books cannot be read, or nobody reads on', async () => {
    const failing = watcherOn(async () => await Promise.reject(new Error('away')));
    await expect(failing.told.next()).rejects.toThrow('away');
    expect(failing.board.watchers).toBe(0);
    const { board, told } = watcherOn(noMarks);
    const first = told.next();
    board.announce([of(1n)]);
    await first;
    await told.return?.(undefined);
    expect(board.watchers).toBe(0);
  });
});
