import { CommandFailure } from '../failures.ts';
import { formatNumberOf } from '../output/format.ts';
import { MAX_ROWS, type ProviderBooks, type ProviderRow } from './provider-row.ts';

const PAGE = 2_000;
const TIMEOUT_MS = 30_000;

/** Of the fake upstream's `/books`, page by page. */
export async function fetchBooks(url: string, signal: AbortSignal): Promise<ProviderBooks> {
  const rows: ProviderRow[] = [];
  const leftOut: string[] = [];
  let [since, open, unnamed] = [0, 0, 0];
  for (;;) {
    const entries = await fetchPage(url, since, signal);
    for (const entry of entries) {
      since = Math.max(since, numberOf(entry['id']));
      if (!/\/(chat\/completions|messages)$/.test(String(entry['path']))) continue;
      const { requestId, closedAtMs } = entry;
      if (closedAtMs === null) open += 1;
      else if (typeof requestId !== 'string') unnamed += 1;
      else rows.push(toRow(entry, requestId));
      if (closedAtMs === null && typeof requestId === 'string') leftOut.push(requestId);
    }
    if (rows.length > MAX_ROWS) throw new CommandFailure(`${url} has more than ${MAX_ROWS} entries`);
    if (entries.length < PAGE) break;
  }
  const notes = [
    ...(open > 0 ? [`${formatNumberOf(open, 'request')} in the books not over yet`] : []),
    ...(unnamed > 0 ? [`${formatNumberOf(unnamed, 'request')} in the books without an id: no headers were sent`] : []),
  ];
  return { rows, leftOut, notes };
}

type Entry = Readonly<Record<string, unknown>>;

async function fetchPage(url: string, since: number, signal: AbortSignal): Promise<readonly Entry[]> {
  const page = new URL(url);
  page.searchParams.set('since', String(since));
  page.searchParams.set('limit', String(PAGE));
  try {
    const response = await fetch(page, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    const answer: unknown = response.ok ? await response.json().catch(ignoreSyntax) : undefined;
    if (isEntry(answer) && Array.isArray(answer['books'])) return answer['books'].filter(isEntry);
    throw new Error(`status ${response.status}, no books: the fake upstream's are at /books`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`the books cannot be read from ${page.origin}${page.pathname} (${why})`, { cause: error });
  }
}

/** It is something else then. */
function ignoreSyntax(error: unknown): undefined {
  if (!(error instanceof SyntaxError)) throw error;
}

function toRow(entry: Entry, requestId: string): ProviderRow {
  const tokens = isEntry(entry['delivered']) ? entry['delivered'] : {};
  return {
    requestId,
    model: typeof entry['model'] === 'string' ? entry['model'] : '',
    startedAtMs: numberOf(entry['startedAtMs']),
    input: numberOf(tokens['input']),
    output: numberOf(tokens['output']),
    cacheWrite5m: numberOf(tokens['cacheWrite5m']),
    cacheWrite1h: numberOf(tokens['cacheWrite1h']),
    cacheRead: numberOf(tokens['cacheRead']),
  };
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
