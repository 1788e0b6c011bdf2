import { planCharge, type DeadLetter, type RefusedRecord } from '../domain/charge.ts';
import { EMPTY_MARK, advanceMark, type Mark } from '../domain/mark.ts';
import type { PriceBook } from '../domain/price-book.ts';
import type { UsageRecord } from '../domain/usage-record.ts';
import type { Committed } from './commit-board.ts';
import type { Books, Clock, Position, UsageMessage } from './ports.ts';

export interface ChargeMessagesInput {
  readonly partition: number;
  readonly from: Position | undefined;
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
}

/** Puts a run of messages into the books, in one transaction with the position behind them. */
export function makeChargeMessages(
  deps: ChargeMessagesDeps,
): (input: ChargeMessagesInput) => Promise<ChargeMessagesResult> {
  return async ({ partition, from, incarnation, messages }) => {
    const last = messages.at(-1);
    if (last === undefined) throw new RangeError('there is nothing to charge');
    const to: Position = { incarnation, seq: last.seq };
    const records = messages.flatMap((message) => message.records ?? []);
    const prices = deps.prices();
    const batchId = `${incarnation}/${partition}/${last.seq}`;
    const plan = planCharge({
      records,
      known: await deps.books.known(records.map(({ requestId }) => requestId)),
      tenants: await deps.books.tenants([...new Set(records.map(({ tenantId }) => tenantId))]),
      priceOf: ({ site, model, acceptedAt }) => prices.find(site, model, acceptedAt),
      entryIdOf: (tenantId) => `${batchId}/${tenantId}`,
      now: deps.clock.now(),
    });
    const deadLetters = [
      ...messages.flatMap((message) => unreadable(message, incarnation)),
      ...plan.refused.map((refused) => withMessage(refused, messages)),
    ];
    const marks = await advancedMarks(deps.books, partition, records);
    await deps.books.book({ partition, from, to, charged: plan.charged, entries: plan.entries, deadLetters, marks });
    deps.announce([...marks].map(([epoch, { upTo }]) => ({ epoch, partition, upTo })));
    return {
      position: to,
      charged: plan.charged.length,
      duplicates: records.length - plan.charged.length - plan.refused.length,
      deadLetters: deadLetters.length,
    };
  };
}

async function advancedMarks(
  books: Books,
  partition: number,
  records: readonly UsageRecord[],
): Promise<ReadonlyMap<string, Mark>> {
  const byEpoch = Map.groupBy(records, ({ epoch }) => epoch);
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

function unreadable({ records, seq, raw }: UsageMessage, incarnation: string): readonly DeadLetter[] {
  return records === undefined
    ? [{ id: `${incarnation}/${seq}`, reason: 'the message is no usage batch', payload: raw }]
    : [];
}

/** A refused request keeps the whole message it came in, so that it can be charged from it later. */
function withMessage({ record, reason }: RefusedRecord, messages: readonly UsageMessage[]): DeadLetter {
  const message = messages.find(({ records }) => records?.includes(record) === true);
  return { id: record.requestId, reason, payload: message?.raw ?? new Uint8Array() };
}
