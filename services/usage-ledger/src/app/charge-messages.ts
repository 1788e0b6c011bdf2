import { OmgError } from '@omg/errors';
import { planCharge, type ChargePlan, type DeadLetter } from '../domain/charge.ts';
import { EMPTY_MARK, advanceMark, isMarked, type Mark } from '../domain/mark.ts';
import type { PriceBook } from '../domain/price-book.ts';
import type { ReceivedEvent, UsageRecord } from '../domain/usage-record.ts';
import type { Committed } from './commit-board.ts';
import type { Books, Clock, Position, UsageMessage } from './ports.ts';

export interface ChargeMessagesInput {
  readonly partition: number;
  readonly incarnation: string;
  readonly messages: readonly UsageMessage[];
}

export interface ChargeMessagesResult {
  readonly position: Position;
  readonly charged: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Of the dead letters, those for want of a price. */
  readonly unpriced: number;
}

export interface ChargeMessagesDeps {
  readonly books: Books;
  readonly prices: () => PriceBook;
  readonly clock: Clock;
  readonly announce: (committed: readonly Committed[]) => void;
  /** Told in the order of the transactions, before anything else is charged. */
  readonly onBooked: (booked: Booked) => void;
}

/** What a transaction has brought into the books. */
export interface Booked {
  readonly plan: ChargePlan;
  readonly marks: ReadonlyMap<string, Mark>;
}

/** Puts the messages that it was made for into the books, in one transaction with the position behind them. */
export type BookMessages = () => Promise<ChargeMessagesResult>;

/**
 * Does of a charge what can be done beforehand, while the one before is still being booked. What that one adds to the books
 * is not known then: a request that is in both is found when it is booked.
 */
export function makeChargeMessages(deps: ChargeMessagesDeps): (input: ChargeMessagesInput) => Promise<BookMessages> {
  const { books } = deps;
  return async ({ partition, incarnation, messages }) => {
    const last = messages.at(-1);
    if (last === undefined) throw new RangeError('there is nothing to charge');
    const to: Position = { incarnation, seq: last.seq };
    const payloads = new Map<UsageRecord, ReceivedEvent['payload']>();
    const unreadable: DeadLetter[] = [];
    for (const { seq, events } of messages) {
      for (const [index, { content, payload }] of events.entries()) {
        if ('fault' in content)
          unreadable.push({ id: `${incarnation}/${seq}/${index}`, reason: content.fault, payload: payload() });
        else payloads.set(content, payload);
      }
    }
    const records = [...payloads.keys()];
    const tenantIds = [...new Set(records.map(({ tenantId }) => tenantId))];
    const numbers = numbersOf(messages);
    const known = await books.known(await perhapsKnown(books, partition, records));
    const bookUnless = async (isKnown: ReadonlySet<string>): Promise<ChargeMessagesResult> => {
      const prices = deps.prices();
      const plan = planCharge({
        records,
        known: isKnown,
        // after the charge before: it has spent some of what they have
        tenants: await books.tenants(tenantIds),
        priceOf: ({ site, model, acceptedAt, namedPrice }) => prices.named(namedPrice, { site, model, at: acceptedAt }),
        now: deps.clock.now(),
      });
      const refused = plan.refused.map(({ record, reason }) => ({
        id: record.requestId,
        reason,
        payload: payloads.get(record)?.() ?? new Uint8Array(),
      }));
      const deadLetters = [...unreadable, ...refused];
      const marks = await advancedMarks(books, partition, numbers);
      const { charged, entries, budgets } = plan;
      await books.book({ partition, to, charged, entries, budgets, deadLetters, marks });
      deps.onBooked({ plan, marks });
      deps.announce([...marks].map(([epoch, { upTo }]) => ({ epoch, partition, upTo })));
      return {
        position: to,
        charged: charged.length,
        duplicates: records.length - charged.length - refused.length,
        deadLetters: deadLetters.length,
        unpriced: plan.refused.filter(({ unpriced }) => unpriced).length,
      };
    };
    return async () => {
      try {
        return await bookUnless(known);
      } catch (error) {
        if (!(error instanceof OmgError && error.code === 'already_exists')) throw error;
      }
      return await bookUnless(await books.known(records.map(({ requestId }) => requestId)));
    };
  };
}

type Numbers = ReadonlyMap<string, readonly bigint[]>;

/** Of all that were numbered, also of those that cannot be read, by epoch. */
function numbersOf(messages: readonly UsageMessage[]): Numbers {
  const byEpoch = new Map<string, bigint[]>();
  for (const { events } of messages) {
    for (const { numbered } of events) {
      if (numbered !== undefined) byEpoch.getOrInsertComputed(numbered.epoch, () => []).push(numbered.number);
    }
  }
  return byEpoch;
}

/** Requests whose number is in the books. Of others it is nearly certain that they are not: looking each up costs a fifth of its charge. */
async function perhapsKnown(
  books: Books,
  partition: number,
  records: readonly UsageRecord[],
): Promise<readonly string[]> {
  const marks = await books.marks(partition, [...new Set(records.map(({ epoch }) => epoch))]);
  return records.flatMap(({ epoch, number, requestId }) => {
    const mark = marks.get(epoch);
    return mark !== undefined && isMarked(mark, number) ? [requestId] : [];
  });
}

/** What is in dead_letters is seen to as well: its publisher need not keep it. */
async function advancedMarks(books: Books, partition: number, numbers: Numbers): Promise<ReadonlyMap<string, Mark>> {
  const marks = await books.marks(partition, [...numbers.keys()]);
  return new Map([...numbers].map(([epoch, list]) => [epoch, advanceMark(marks.get(epoch) ?? EMPTY_MARK, list)]));
}
