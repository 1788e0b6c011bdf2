import { setTimeout as delay } from 'node:timers/promises';
import type { usageV1 } from '@omg/proto-gen';
import type { CommandContext } from '../command.ts';
import { UsageError } from '../failures.ts';
import { formatCount } from '../output/format.ts';
import { eventOf } from '../views/request-log.ts';
import { fetchBooks } from './fetch-books.ts';
import { BooksJoin, type BookDifference } from './join-books.ts';
import { parseBooksCsv } from './parse-books-csv.ts';
import type { ProviderBooks } from './provider-row.ts';

export interface CompareBooksOptions {
  /** A file, or a URL. */
  readonly from: string;
  readonly provider: string | undefined;
  readonly range: { readonly from?: Date; readonly to?: Date };
  readonly bound: number;
  readonly onDifference: (difference: BookDifference) => void;
}

const PAGE_SIZE = 1_000;
/** A request is accepted before its attempts, which are in the books by another clock. */
const EARLIER_MS = 2 * 3_600_000;
const LATER_MS = 60_000;
/** What is in the books may not be charged yet. */
const WAIT_MS = 10_000;
const LOOK_EVERY_MS = 500;

/** Joins what was charged with a provider's books, by its request ids. */
export async function compareBooks(
  context: CommandContext,
  options: CompareBooksOptions,
): Promise<{ readonly checked: number; readonly unknowable: number; readonly notes: readonly string[] }> {
  const { terminal, signal } = context;
  const usage = context.connection.usage();
  const tail = async (pageToken: string): Promise<usageV1.TailLogsResponse> =>
    await usage.call(
      async (client, call) => await client.tailLogs({ pageSize: PAGE_SIZE, pageToken, filter: undefined }, call),
    );
  // from before the books are read, so that whatever is charged from now on is seen too
  let { nextPageToken: tailToken } = await tail('');
  const books = await readBooks(context, options.from);
  const compared = rowsIn(books, options);
  const join = new BooksJoin({ ...options, ...compared });
  const isOf = (log: usageV1.RequestLog): boolean =>
    options.provider === undefined || eventOf(log).provider === options.provider;
  const times = { from: new Date(compared.fromMs - EARLIER_MS), to: new Date(compared.toMs + LATER_MS) };
  let [pageToken, seen] = ['', 0];
  do {
    terminal.progress(`books: ${formatCount(seen)} requests`);
    const request = { pageSize: PAGE_SIZE, pageToken, filter: times };
    const page = await usage.call(async (client, call) => await client.listLogs(request, call));
    for (const log of page.logs) if (isOf(log)) join.add(log);
    seen += page.logs.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  for (const untilMs = performance.now() + WAIT_MS; !join.isComplete;) {
    const page = await tail(tailToken);
    for (const log of page.logs) if (isOf(log)) join.add(log, { mayBeNewer: true });
    tailToken = page.nextPageToken;
    if (page.logs.length === PAGE_SIZE) continue;
    if (performance.now() > untilMs) break;
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
  const { notes, unknowable } = join.finish();
  return { notes: [...books.notes, ...notes], checked: join.joined, unknowable };
}

async function readBooks({ input, signal }: CommandContext, from: string): Promise<ProviderBooks> {
  return /^https?:\/\//.test(from) ? await fetchBooks(from, signal) : parseBooksCsv(await input.readText(from), from);
}

/** The time is the one that is asked for, else from the first row to the last. */
function rowsIn({ rows, leftOut }: ProviderBooks, { range, from }: CompareBooksOptions) {
  const times = rows.flatMap(({ startedAtMs }) => startedAtMs ?? []);
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  const last = times.reduce((most, time) => Math.max(most, time), -Infinity);
  if (times.length < rows.length && (range.from === undefined || range.to === undefined))
    throw new UsageError(`--from and --to are needed: not every row of ${from} says when it started`);
  const fromMs = range.from?.getTime() ?? (times.length === 0 ? Date.now() : Math.floor(first));
  const toMs = range.to?.getTime() ?? (times.length === 0 ? Date.now() : Math.ceil(last));
  const isIn = (timeMs: number | undefined): boolean => timeMs === undefined || (timeMs >= fromMs && timeMs <= toMs);
  const [inside, outside] = [true, false].map((wanted) => rows.filter((row) => isIn(row.startedAtMs) === wanted));
  return {
    rows: inside ?? [],
    leftOut: new Set([...leftOut, ...(outside ?? []).map(({ requestId }) => requestId)]),
    fromMs,
    toMs,
  };
}
