import { planCharge, type ChargePlan, type DeadLetter } from '../domain/charge.ts';
import { EMPTY_MARK, advanceMark, type Mark } from '../domain/mark.ts';
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

/** Puts a run of messages into the books, in one transaction with the position behind them. */
export function makeChargeMessages(
  deps: ChargeMessagesDeps,
): (input: ChargeMessagesInput) => Promise<ChargeMessagesResult> {
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
    const prices = deps.prices();
    const plan = planCharge({
      records,
      known: await deps.books.known(records.map(({ requestId }) => requestId)),
      tenants: await deps.books.tenants([...new Set(records.map(({ tenantId }) => tenantId))]),
      priceOf: ({ site, model, acceptedAt, namedPrice }) => prices.named(namedPrice, { site, model, at: acceptedAt }),
      now: deps.clock.now(),
    });
    const refused = plan.refused.map(({ record, reason }) => ({
      id: record.requestId,
      reason,
      payload: payloads.get(record)?.() ?? new Uint8Array(),
    }));
    const deadLetters = [...unreadable, ...refused];
    const marks = await advancedMarks(deps.books, partition, messages);
    const { charged, entries, budgets } = plan;
    await deps.books.book({ partition, to, charged, entries, budgets, deadLetters, marks });
    deps.onBooked({ plan, marks });
    deps.announce([...marks].map(([epoch, { upTo }]) => ({ epoch, partition, upTo })));
    return {
      position: to,
      charged: plan.charged.length,
      duplicates: records.length - plan.charged.length - plan.refused.length,
      deadLetters: deadLetters.length,
    };
  };
}

/** What is in dead_letters is seen to as well: its publisher need not keep it. */
async function advancedMarks(
  books: Books,
  partition: number,
  messages: readonly UsageMessage[],
): Promise<ReadonlyMap<string, Mark>> {
  const numbered = messages.flatMap(({ events }) => events).flatMap((event) => event.numbered ?? []);
  const byEpoch = Map.groupBy(numbered, ({ epoch }) => epoch);
  const marks = await books.marks(partition, [...byEpoch.keys()]);
  return new Map(
    [...byEpoch].map(([epoch, list]) => [
      epoch,
      advanceMark(
        marks.get(epoch) ?? EMPTY_MARK,
        list.map(({ number }) => number),
      ),
    ]),
  );
}
