import type { usageV1 } from '@omg/proto-gen';
import { formatCount, formatNumberOf } from '../output/format.ts';
import { USAGE_SOURCES, eventOf, type ChargedEvent } from '../views/request-log.ts';
import { LostAttempts } from './lost-attempts.ts';
import type { ProviderRow } from './provider-row.ts';

export interface BookDifference {
  readonly subject: string;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

export interface JoinOptions {
  readonly rows: readonly ProviderRow[];
  /** Ids that are in the books too, and are not compared. */
  readonly leftOut: ReadonlySet<string>;
  /** The time that the books are of: attempts that began in it have to be in them. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The share by which counts of our own may differ from the provider's, beside `SLACK_TOKENS`. */
  readonly bound: number;
  readonly onDifference: (difference: BookDifference) => void;
}

/** A short answer may be wrong by more than a share of it. */
export const SLACK_TOKENS = 100;

interface Joined {
  readonly row: ProviderRow;
  requestId: string | undefined;
}

/** Compares charged requests, as they come, with a provider's books. */
export class BooksJoin {
  readonly #options: JoinOptions;
  readonly #rows = new Map<string, Joined>();
  readonly #lost = new LostAttempts();
  #unbilled = 0;
  #unbilledTokens = 0;

  constructor(options: JoinOptions) {
    this.#options = options;
    for (const row of options.rows) {
      if (this.#rows.has(row.requestId))
        options.onDifference({ ...of(row), what: 'rows', expected: 'one', found: 'another one' });
      else this.#rows.set(row.requestId, { row, requestId: undefined });
    }
  }

  /** Rows that a request was found for. */
  get joined(): number {
    return this.#rows.values().reduce((sum, { requestId }) => sum + Number(requestId !== undefined), 0);
  }

  get isComplete(): boolean {
    return this.#rows.values().every(({ requestId }) => requestId !== undefined);
  }

  /** A request that was charged; the same one may come again. `mayBeNewer`: the books may have been read before it. */
  add(log: usageV1.RequestLog, { mayBeNewer = false } = {}): void {
    const event = eventOf(log);
    this.#lost.add(event);
    for (const [index, attempt] of event.attempts.entries()) {
      if (attempt.providerRequestId === '' || this.#options.leftOut.has(attempt.providerRequestId)) continue;
      const joined = this.#rows.get(attempt.providerRequestId);
      if (joined === undefined) {
        const startedMs = attempt.startedAt?.getTime() ?? 0;
        if (!mayBeNewer && startedMs >= this.#options.fromMs && startedMs <= this.#options.toMs)
          this.#missing(event, attempt.providerRequestId);
      } else if (joined.requestId === undefined) {
        joined.requestId = event.requestId;
        this.#compare(joined.row, event, index === event.attempts.length - 1);
      } else if (joined.requestId !== event.requestId) {
        this.#options.onDifference({
          ...of(joined.row),
          what: 'request',
          expected: joined.requestId,
          found: `${event.requestId} as well`,
        });
      }
    }
  }

  /** When all that is charged was added. */
  finish(): { readonly notes: readonly string[]; readonly unknowable: number } {
    let [unknowable, unknowableTokens] = [0, 0];
    for (const { row, requestId } of this.#rows.values()) {
      if (requestId !== undefined) continue;
      if (this.#lost.take(row)) {
        unknowable += 1;
        unknowableTokens += totalOf(row);
        continue;
      }
      const found = `${formatCount(totalOf(row))} tokens`;
      this.#options.onDifference({
        ...of(row),
        what: 'attempt',
        expected: 'one that is charged',
        found: `none, ${found}`,
      });
    }
    const notes = [
      noteOf(this.#unbilled, this.#unbilledTokens, 'of which the client got nothing'),
      noteOf(unknowable, unknowableTokens, 'of routers that were killed before they knew its id'),
    ];
    return { notes: notes.filter((note) => note !== ''), unknowable };
  }

  #missing(event: ChargedEvent, providerRequestId: string): void {
    this.#options.onDifference({
      subject: `request ${event.requestId}`,
      what: `attempt ${providerRequestId}`,
      expected: "in the provider's books",
      found: 'not there',
    });
  }

  #compare(row: ProviderRow, event: ChargedEvent, isLast: boolean): void {
    // what went before the last attempt delivered nothing, nor did a request whose tokens have no source
    if (!isLast || USAGE_SOURCES[event.usageSource] === 'none') {
      this.#unbilled += Number(totalOf(row) > 0);
      this.#unbilledTokens += totalOf(row);
      return;
    }
    const subject = `request ${event.requestId}`;
    const unequal = USAGE_SOURCES[event.usageSource] === 'provider' ? exact(row, event) : this.#within(row, event);
    for (const { what, books, ours } of unequal)
      this.#options.onDifference({ subject, what, expected: formatCount(books), found: formatCount(ours) });
  }

  #within(row: ProviderRow, event: ChargedEvent): readonly Compared[] {
    const { input, cacheWrite5m, cacheWrite1h, cacheRead, output } = event.tokens;
    const whole = Number(input + cacheWrite5m + cacheWrite1h + cacheRead);
    return [
      { what: `whole input, ${USAGE_SOURCES[event.usageSource]}`, books: totalOf(row) - row.output, ours: whole },
      { what: `output, ${USAGE_SOURCES[event.usageSource]}`, books: row.output, ours: Number(output) },
    ].filter(({ books, ours }) => Math.abs(books - ours) > books * this.#options.bound + SLACK_TOKENS);
  }
}

function noteOf(attempts: number, tokens: number, which: string): string {
  if (attempts === 0) return '';
  return `${formatNumberOf(attempts, 'attempt')} ${which} took ${formatCount(tokens)} tokens at the provider`;
}

interface Compared {
  readonly what: string;
  readonly books: number;
  readonly ours: number;
}

function exact(row: ProviderRow, { tokens }: ChargedEvent): readonly Compared[] {
  const names = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const;
  return names.flatMap((name) => {
    const [books, ours] = [row[name], Number(tokens[name])];
    return books === undefined || books === ours ? [] : [{ what: name, books, ours }];
  });
}

function totalOf({ input, output, cacheWrite5m = 0, cacheWrite1h = 0, cacheRead = 0 }: ProviderRow): number {
  return input + output + cacheWrite5m + cacheWrite1h + cacheRead;
}

function of({ requestId, model }: ProviderRow): { readonly subject: string } {
  return { subject: `provider's request ${requestId}${model === '' ? '' : ` (${model})`}` };
}
