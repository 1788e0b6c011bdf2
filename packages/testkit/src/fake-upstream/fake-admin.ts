import { createAdminCalls } from '../fake-common/admin-calls.ts';
import type { BookEntry, BookFilter } from './book-entry.ts';
import type { FaultRuleInput } from './fault-rule.ts';
import type { FaultRuleStatus } from './fault-table.ts';
import type { StatsSnapshot } from './stats.ts';

const POLL_MS = 10;

/** The fake upstream's administration over HTTP, for a fake in another process. */
export interface FakeAdmin {
  readonly setFault: (rules: FaultRuleInput | FaultRuleInput[]) => Promise<string[]>;
  readonly faults: () => Promise<FaultRuleStatus[]>;
  readonly clearFaults: () => Promise<void>;
  readonly removeFault: (id: string) => Promise<void>;
  readonly books: (filter?: BookFilter) => Promise<BookEntry[]>;
  /** A number, `last` or a provider's request id. */
  readonly book: (id: number | string) => Promise<BookEntry>;
  readonly body: (id: number | string) => Promise<Buffer>;
  readonly requestBody: (id: number | string) => Promise<Buffer>;
  readonly clearBooks: () => Promise<void>;
  readonly stats: () => Promise<StatsSnapshot>;
  /** The first entry that satisfies the condition, as soon as it does. */
  readonly waitForBook: (
    condition: (entry: BookEntry) => boolean,
    options?: { timeoutMs?: number; filter?: BookFilter },
  ) => Promise<BookEntry>;
}

export function createFakeAdmin(adminUrl: string): FakeAdmin {
  const { call, json } = createAdminCalls(adminUrl);
  const bytes = async (path: string): Promise<Buffer> => Buffer.from(await (await call('GET', path)).arrayBuffer());
  const books = async (filter: BookFilter = {}): Promise<BookEntry[]> =>
    (await json<{ books: BookEntry[] }>('GET', `/books?${queryOf(filter)}`)).books;

  return {
    setFault: async (rules) => (await json<{ ids: string[] }>('POST', '/faults', rules)).ids,
    faults: async () => (await json<{ faults: FaultRuleStatus[] }>('GET', '/faults')).faults,
    clearFaults: async () => void (await call('DELETE', '/faults')),
    removeFault: async (id) => void (await call('DELETE', `/faults/${encodeURIComponent(id)}`)),
    books,
    book: async (id) => await json('GET', `/books/${id}`),
    body: async (id) => await bytes(`/books/${id}/body`),
    requestBody: async (id) => await bytes(`/books/${id}/request`),
    clearBooks: async () => void (await call('DELETE', '/books')),
    stats: async () => await json('GET', '/stats'),
    waitForBook: async (condition, { timeoutMs = 5_000, filter = {} } = {}) => {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const entries = await books(filter);
        const found = entries.find(condition);
        if (found !== undefined) return found;
        if (performance.now() >= deadline) {
          throw new Error(
            `No book entry met the condition within ${timeoutMs} ms; last of ${entries.length}: ${JSON.stringify(entries.at(-1))}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

function queryOf(filter: BookFilter): string {
  const given = Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return new URLSearchParams(given).toString();
}
