import { randomUUIDv7 } from 'node:crypto';
import { OmgError } from '@omg/errors';
import { createOwnership, runOwnedLoop, type Mongo } from '@omg/mongo';
import { pause } from '@omg/service';
import { makeChargeMessages } from '../../../src/app/charge-messages.ts';
import type { UsageMessage } from '../../../src/app/ports.ts';
import { partitionId, partitionOfId } from '../../../src/domain/partition-id.ts';
import { PriceBook } from '../../../src/domain/price-book.ts';
import type { RollupEntry } from '../../../src/domain/rollup-fold.ts';
import { UNITS } from '../../../src/domain/rollup-period.ts';
import { MongoBooks, type OwnedBooks } from '../../../src/store/mongo-books.ts';
import { toUsageRecord } from './synthetic-record.ts';
import { PRICES } from './synthetic-year.ts';

const BATCH_EVENTS = 100;
const LIST_MESSAGES = 10;
/** What takes longer is stuck. */
const MAX_STEP_MS = 15_000;

/** Messages of one partition that are charged together, and when. */
interface List {
  readonly now: Date;
  readonly lastSeq: number;
  readonly messages: readonly UsageMessage[];
}

/** Charges requests, which come in the order of time, as usage-ledger does it: by the owners of the partitions, at the end of each month. */
export async function chargeRequests(
  mongo: Mongo,
  { requests, signal }: { readonly requests: Iterable<RollupEntry>; readonly signal: AbortSignal },
): Promise<void> {
  const books = new MongoBooks(mongo);
  await books.createIndexes();
  const lists = listsOf(requests);
  const done = new Map([...lists.keys()].map((partition) => [partition, Promise.withResolvers<undefined>()]));
  const allDone = Promise.all([...done.values()].map(async ({ promise }) => await promise));
  allDone.catch(() => undefined);
  const fail = (error: unknown): void => {
    for (const { reject } of done.values()) reject(error);
  };
  const onAbort = (): void => {
    fail(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const ownership = await createOwnership({
    mongo,
    ids: [...lists.keys()].map(partitionId),
    holder: randomUUIDv7(),
    address: '127.0.0.1:1',
    onEvent: (event) => {
      if (event.type !== 'work_failed') return;
      // a busy server is tried again, from the position behind the last list
      if (!(event.error instanceof OmgError && event.error.code === 'unavailable')) fail(event.error);
    },
    work: async (owned) => {
      const partition = partitionOfId(owned.id);
      const own = books.forOwner(owned);
      const chargedTo = own.position()?.seq ?? 0;
      const waiting = (lists.get(partition) ?? []).filter(({ lastSeq }) => lastSeq > chargedTo);
      const charge = chargeOf(partition, own);
      const step = async (idleMs: number): Promise<void> => {
        const list = waiting.shift();
        if (list !== undefined) {
          await charge(list);
          return;
        }
        done.get(partition)?.resolve(undefined);
        await pause(idleMs, owned.signal);
      };
      await runOwnedLoop(owned, step, MAX_STEP_MS);
    },
  });
  try {
    await allDone;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await ownership[Symbol.asyncDispose]();
  }
}

function chargeOf(partition: number, books: OwnedBooks): (list: List) => Promise<void> {
  let now = new Date(0);
  const charge = makeChargeMessages({
    books,
    prices: () => new PriceBook(PRICES),
    clock: { now: () => now },
    announce: () => undefined,
    onBooked: () => undefined,
  });
  return async (list) => {
    ({ now } = list);
    const book = await charge({ partition, incarnation: 'bench', messages: list.messages });
    const { deadLetters, duplicates } = await book();
    if (deadLetters + duplicates > 0) throw new Error(`${deadLetters + duplicates} requests were not charged`);
  };
}

/** By partition, numbered as one router numbers them. */
function listsOf(requests: Iterable<RollupEntry>): ReadonlyMap<number, readonly List[]> {
  const epoch = randomUUIDv7();
  const numbers = new Map<number, bigint>();
  const records = Array.from(requests, (entry) => {
    const record = toUsageRecord(entry, { epoch, number: 0n });
    const number = (numbers.get(record.partition) ?? 0n) + 1n;
    numbers.set(record.partition, number);
    return { ...record, number };
  });
  const partitions = Map.groupBy(records, ({ partition }) => partition);
  return new Map(
    [...partitions].map(([partition, ofPartition]) => {
      let seq = 0;
      const months = Map.groupBy(ofPartition, ({ acceptedAt }) => UNITS.month.startOf(acceptedAt.getTime()));
      const lists = [...months].flatMap(([startMs, ofMonth]) => {
        const now = new Date(UNITS.month.cellStart(startMs, UNITS.month.cellCount(startMs)));
        const messages = chunksOf(ofMonth, BATCH_EVENTS).map((some): UsageMessage => ({
          seq: (seq += 1),
          events: some.map((record) => ({
            numbered: { epoch, number: record.number },
            content: record,
            payload: () => new Uint8Array(),
          })),
        }));
        return chunksOf(messages, LIST_MESSAGES).map((list): List => ({
          now,
          lastSeq: list.at(-1)?.seq ?? 0,
          messages: list,
        }));
      });
      return [partition, lists];
    }),
  );
}

function chunksOf<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}
