import { OmgError } from '@omg/errors';
import { NO_TOKENS } from '@omg/pricing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { creditTypeOf, type Purses } from '../domain/credits.ts';
import { EMPTY_MARK, type Mark } from '../domain/mark.ts';
import { PriceBook } from '../domain/price-book.ts';

import type { ReceivedEvent, UsageRecord } from '../domain/usage-record.ts';
import { makeChargeMessages, type BookMessages } from './charge-messages.ts';
import type { BookedBatch, Books, Position, UsageMessage } from './ports.ts';

const PARTITION = 3;
const NOW = new Date('2026-11-20T12:00:00Z');
const TENANTS = ['t1', 't2', 't3'];
const EPOCHS = ['epoch-1', 'epoch-2'];

/** What each account has, used up in the middle of it. */
const GIVEN = { credits: 3_000n, refCredits: 100_000n };

/** What becomes of a transaction: `lost` is committed, and its owner does not hear of it. */
type Fate = 'kept' | 'aborted' | 'lost';

/** Books that obey the port, as a database with a fence would: a batch is in them whole or not at all. */
class ModelBooks {
  readonly logs = new Map<string, { readonly tenantId: string; readonly cost: bigint; readonly entryId: string }>();
  readonly entries = new Map<
    string,
    { readonly tenantId: string; readonly nanoUsd: bigint; readonly requests: number }
  >();
  readonly spent = new Map<string, bigint>();
  readonly marks = new Map<string, Mark>();
  readonly deadLetters = new Set<string>();
  position: Position | undefined;
  term = 0;

  /** As the owner of a new term: what earlier ones still want to book is refused. */
  own(fates: () => Fate): Books {
    this.term += 1;
    const { term } = this;
    return {
      known: async (ids) => await Promise.resolve(new Set(ids.filter((id) => this.logs.has(id)))),
      tenants: async (ids) =>
        await Promise.resolve(new Map(ids.filter((id) => TENANTS.includes(id)).map((id) => [id, this.#pursesOf(id)]))),
      marks: async (_, epochs) =>
        await Promise.resolve(new Map(epochs.map((epoch) => [epoch, this.marks.get(epoch) ?? EMPTY_MARK]))),
      book: async (batch) => {
        await Promise.resolve();
        if (term !== this.term) throw new OmgError('not_owner', 'deposed');
        const fate = fates();
        if (fate === 'aborted') throw new OmgError('unavailable', 'aborted');
        if (batch.charged.some(({ record }) => this.logs.has(record.requestId)))
          throw new OmgError('already_exists', 'a duplicate');
        this.#commit(batch);
        if (fate === 'lost') throw new OmgError('unavailable', 'the answer is lost');
      },
    };
  }

  #pursesOf(tenantId: string): Purses {
    return { ...GIVEN, spent: this.spent.get(tenantId) ?? 0n };
  }

  #commit({ to, charged, entries, deadLetters, marks }: BookedBatch): void {
    this.position = to;
    const spent = new Map(this.spent);
    for (const { record, costNanoUsd, creditType, entryId } of charged) {
      // in the order of charges, whatever was prepared when
      const before = spent.get(record.tenantId) ?? 0n;
      if (creditType !== creditTypeOf({ ...GIVEN, spent: before }))
        throw new Error(`${record.requestId} is of the other purse`);
      spent.set(record.tenantId, before + costNanoUsd);
      if (this.logs.has(record.requestId)) throw new Error(`${record.requestId} is charged twice`);
      this.logs.set(record.requestId, { tenantId: record.tenantId, cost: costNanoUsd, entryId });
    }
    for (const { id, tenantId, nanoUsd, requests } of entries) {
      if (this.entries.has(id)) throw new Error(`two entries are called ${id}`);
      this.entries.set(id, { tenantId, nanoUsd, requests });
      this.spent.set(tenantId, (this.spent.get(tenantId) ?? 0n) + nanoUsd);
    }
    for (const { id } of deadLetters) this.deadLetters.add(id);
    for (const [epoch, mark] of marks) this.marks.set(epoch, mark);
  }
}

interface Request {
  readonly tenant: number;
  readonly epoch: number;
  readonly input: number;
  readonly isPriced: boolean;
}

const prices = new PriceBook([
  {
    version: 'a@1',
    site: 'site',
    model: 'a',
    validFrom: new Date(0),
    price: {
      // a nano-USD for each token
      rates: { input: 1_000_000n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n },
      tiers: [],
      multiplierNano: 1_000_000_000n,
    },
  },
]);

function toEvents(requests: readonly Request[]): readonly ReceivedEvent[] {
  const numbers = new Map<string, bigint>();
  return requests.map(({ tenant, epoch: epochAt, input, isPriced }, at) => {
    const epoch = EPOCHS[epochAt] ?? '';
    const number = (numbers.get(epoch) ?? 0n) + 1n;
    numbers.set(epoch, number);
    const record: UsageRecord = {
      requestId: `request-${at}`,
      epoch,
      partition: PARTITION,
      number,
      site: 'site',
      provider: 'provider',
      tenantId: TENANTS[tenant] ?? '',
      tenantName: 'name',
      clientKeyId: 'key',
      dialect: 'openai',
      stream: false,
      model: isPriced ? 'a' : 'b',
      upstreamModel: 'a',
      acceptedAt: NOW,
      latencyMs: 1,
      firstTokenMs: undefined,
      statusCode: 200,
      success: true,
      finishReason: 'stop',
      abortReason: '',
      tokens: { ...NO_TOKENS, input: BigInt(input) },
      usageSource: 'provider',
      attempts: [],
      clientRequestId: '',
      traceParent: '',
      namedPrice: '',
      allowance: undefined,
    };
    return { numbered: { epoch, number }, content: record, payload: () => new Uint8Array() };
  });
}

/** As it is when it is read from another message. */
function again(event: ReceivedEvent | undefined): readonly ReceivedEvent[] {
  return event === undefined ? [] : [{ ...event, content: { ...event.content } }];
}

/** Some of what routers have sent, in whatever order, as one message; each picks an event by a part of their number. */
const delivery = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  minLength: 1,
  maxLength: 12,
});
const request: fc.Arbitrary<Request> = fc.record({
  tenant: fc.nat({ max: TENANTS.length - 1 }),
  epoch: fc.nat({ max: EPOCHS.length - 1 }),
  input: fc.nat({ max: 1_000 }),
  isPriced: fc.nat({ max: 9 }).map((of) => of > 0),
});
/** What a reader does next. */
const step = fc.record({
  messages: fc.integer({ min: 1, max: 5 }),
  fate: fc.oneof({ weight: 6, arbitrary: fc.constant<Fate>('kept') }, fc.constantFrom<Fate>('aborted', 'lost')),
  // a new owner takes over; what the old one has prepared it still tries to book, later
  takeover: fc.nat({ max: 5 }).map((of) => of === 0),
});

test('however events come again, are reordered, split and interrupted, each request is charged once, to the unit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 40 }),
      fc.array(delivery, { maxLength: 30 }),
      fc.array(step, { maxLength: 40 }),
      async (requests, deliveries, steps) => {
        const events = toEvents(requests);
        // whatever came before, in the end each publisher has sent everything
        const batches = [
          ...deliveries.map((picks) => picks.flatMap((pick) => again(events[Math.floor(pick * events.length)]))),
          ...Array.from({ length: Math.ceil(events.length / 7) }, (_, at) => events.slice(at * 7, at * 7 + 7)),
        ];
        const books = new ModelBooks();
        await read(
          books,
          batches.map((list, at) => ({ seq: at + 1, events: list })),
          steps,
        );
        expectCharged(books, requests);
      },
    ),
    { numRuns: 500 },
  );
});

/** Reads as the partition's reader does: while a list is being booked, the next one is prepared. */
async function read(
  books: ModelBooks,
  stream: readonly UsageMessage[],
  steps: readonly { readonly messages: number; readonly fate: Fate; readonly takeover: boolean }[],
): Promise<void> {
  const announced = new Map<string, bigint>();
  const told = new Set<string>();
  const deposed: BookMessages[] = [];
  let at = 0;
  const now = () => steps[at] ?? { messages: 4, fate: 'kept' as const, takeover: false };
  while ((books.position?.seq ?? 0) < stream.length) {
    const charge = makeChargeMessages({
      books: books.own(() => now().fate),
      prices: () => prices,
      clock: { now: () => NOW },
      onBooked: ({ plan }) => {
        for (const { record } of plan.charged) {
          expect(told).not.toContain(record.requestId);
          expect(books.logs.has(record.requestId)).toBe(true);
          told.add(record.requestId);
        }
      },
      announce: (committed) => {
        for (const { epoch, upTo } of committed) {
          expect(upTo).toBe(books.marks.get(epoch)?.upTo);
          expect(upTo).toBeGreaterThanOrEqual(announced.get(epoch) ?? 0n);
          announced.set(epoch, upTo);
        }
      },
    });
    for (const old of deposed.splice(0)) await expect(old()).rejects.toMatchObject({ code: 'not_owner' });
    let from = books.position?.seq ?? 0;
    const prepareNext = async (): Promise<BookMessages | undefined> => {
      const messages = stream.slice(from, from + now().messages);
      from += messages.length;
      if (messages.length === 0) return undefined;
      return await charge({ partition: PARTITION, incarnation: 'i', messages });
    };
    let next = prepareNext();
    for (;;) {
      const book = await next;
      if (book === undefined) break;
      next = prepareNext();
      const { takeover } = now();
      const isBooked = takeover ? false : await isKept(book);
      at += 1;
      if (takeover) deposed.push(book);
      if (isBooked) continue;
      await next;
      break;
    }
  }
}

async function isKept(book: BookMessages): Promise<boolean> {
  try {
    await book();
    return true;
  } catch (error) {
    if (!(error instanceof OmgError)) throw error;
    return false;
  }
}

function expectCharged(books: ModelBooks, requests: readonly Request[]): void {
  const sumOf = (tenantId: string, values: Iterable<{ readonly tenantId: string; readonly value: bigint }>): bigint =>
    [...values].reduce((sum, one) => (one.tenantId === tenantId ? sum + one.value : sum), 0n);
  const priced = requests.flatMap(({ isPriced, ...rest }, at) => (isPriced ? [{ ...rest, id: `request-${at}` }] : []));
  expect(new Map([...books.logs].map(([id, { cost }]) => [id, cost]))).toEqual(
    new Map(priced.map(({ id, input }) => [id, BigInt(input)])),
  );
  expect(books.deadLetters).toEqual(
    new Set(requests.flatMap(({ isPriced }, at) => (isPriced ? [] : [`request-${at}`]))),
  );
  for (const [tenant, tenantId] of TENANTS.entries()) {
    const expected = priced.reduce((sum, one) => (one.tenant === tenant ? sum + BigInt(one.input) : sum), 0n);
    expect(books.spent.get(tenantId) ?? 0n).toBe(expected);
    const entries = books.entries.values().map(({ tenantId: of, nanoUsd }) => ({ tenantId: of, value: nanoUsd }));
    expect(sumOf(tenantId, entries)).toBe(expected);
  }
  for (const [id, { nanoUsd, requests: count }] of books.entries) {
    const logs = books.logs
      .values()
      .filter(({ entryId }) => entryId === id)
      .toArray();
    expect(logs).toHaveLength(count);
    expect(logs.reduce((sum, { cost }) => sum + cost, 0n)).toBe(nanoUsd);
  }
  for (const [epoch, name] of EPOCHS.entries()) {
    const upTo = BigInt(requests.filter((one) => one.epoch === epoch).length);
    expect(books.marks.get(name) ?? EMPTY_MARK).toEqual({ upTo, ahead: [] });
  }
}
