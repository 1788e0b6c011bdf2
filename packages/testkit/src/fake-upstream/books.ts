import { createHash } from 'node:crypto';

import type { BookEntry, BookFilter } from './book-entry.ts';
import { ByteLog } from './byte-log.ts';
import type { Credit } from './chunker.ts';
import { nowMs } from '../fake-common/clock.ts';
import { Stats } from './stats.ts';
import type { StatsSnapshot } from './stats.ts';
import { NO_TOKENS, addTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

export interface BookLimits {
  readonly maxEntries: number;
  readonly maxBodyBytes: number;
}

export type OpenFields = Pick<
  BookEntry,
  | 'method'
  | 'path'
  | 'query'
  | 'requestHeaders'
  | 'key'
  | 'keyHeader'
  | 'proxy'
  | 'remote'
  | 'connection'
  | 'requestOnConnection'
>;

interface Page {
  readonly entry: BookEntry;
  request: Buffer;
  response: ByteLog;
}

/** What the upstream received and sent. The oldest bodies go first, then the oldest entries; the sums stay. */
export class Books {
  readonly #limits: BookLimits;
  readonly #stats = new Stats(nowMs());
  readonly #pages = new Map<number, Page>();
  #lastId = 0;
  #bodyBytes = 0;
  /** No page with a smaller id has its bodies. */
  #oldestBodies = 1;

  constructor(limits: BookLimits) {
    this.#limits = limits;
  }

  get stats(): Stats {
    return this.#stats;
  }

  open(fields: OpenFields): BookEntry {
    this.#lastId += 1;
    const entry: BookEntry = {
      id: this.#lastId,
      startedAtMs: nowMs(),
      requestId: null,
      ...fields,
      dialect: null,
      model: null,
      stream: false,
      requestBytes: 0,
      requestSha256: null,
      status: null,
      fault: null,
      delivered: NO_TOKENS,
      promised: null,
      usageSent: 'none',
      usages: [],
      bytesSent: 0,
      chunksSent: 0,
      complete: false,
      headersAtMs: null,
      firstByteAtMs: null,
      lastByteAtMs: null,
      clientAwayAtMs: null,
      clientAwayAfterMs: null,
      closedAtMs: null,
      socketClosedAtMs: null,
      bodiesKept: true,
    };
    this.#pages.set(entry.id, { entry, request: Buffer.alloc(0), response: new ByteLog() });
    this.#stats.requestOpened(entry);
    this.#dropOldest();
    return entry;
  }

  received(entry: BookEntry, body: Buffer): void {
    entry.requestBytes = body.length;
    entry.requestSha256 = createHash('sha256').update(body).digest('hex');
    const page = this.#pages.get(entry.id);
    if (page === undefined || !entry.bodiesKept) return;
    page.request = body;
    this.#bodyBytes += body.length;
    this.#dropOldest();
  }

  began(entry: BookEntry, status: number, requestId: string, prompt: Tokens): void {
    entry.status = status;
    entry.requestId = requestId;
    entry.headersAtMs = nowMs();
    this.#deliver(entry, prompt);
    if (entry.stream && status === 200) this.#stats.streamOpened();
  }

  wrote(entry: BookEntry, bytes: Buffer, credit: Credit): void {
    const at = nowMs();
    entry.firstByteAtMs ??= at;
    entry.lastByteAtMs = at;
    entry.bytesSent += bytes.length;
    entry.chunksSent += 1;
    this.#stats.written(bytes.length);
    this.credit(entry, credit);
    const page = this.#pages.get(entry.id);
    if (page === undefined || !entry.bodiesKept) return;
    page.response.append(bytes);
    this.#bodyBytes += bytes.length;
    this.#dropOldest();
  }

  /** What arrived with the bytes written so far. */
  credit(entry: BookEntry, credit: Credit): void {
    if (credit.output > 0) this.#deliver(entry, { ...NO_TOKENS, output: credit.output, reasoning: credit.reasoning });
    for (const usage of credit.usages) {
      entry.usages.push(usage.raw);
      entry.promised = usage.promised;
      entry.usageSent = usage.final ? 'final' : 'start';
    }
  }

  clientAway(entry: BookEntry): void {
    entry.clientAwayAtMs = nowMs();
    entry.clientAwayAfterMs = entry.clientAwayAtMs - entry.startedAtMs;
  }

  closed(entry: BookEntry): void {
    entry.closedAtMs = nowMs();
    this.#stats.requestClosed(entry);
    if (entry.stream && entry.status === 200) this.#stats.streamClosed();
  }

  /** `last` is the newest; a provider's request id works as well. */
  find(id: string): BookEntry | null {
    return this.#page(id)?.entry ?? null;
  }

  responseBody(id: string): Buffer | null {
    const page = this.#page(id);
    return page?.entry.bodiesKept === true ? page.response.toBuffer() : null;
  }

  requestBody(id: string): Buffer | null {
    const page = this.#page(id);
    return page?.entry.bodiesKept === true ? page.request : null;
  }

  list(filter: BookFilter = {}): BookEntry[] {
    const found = Array.from(this.#pages.values(), (page) => page.entry).filter(
      (entry) =>
        (filter.key === undefined || entry.key === filter.key) &&
        (filter.model === undefined || entry.model === filter.model) &&
        (filter.proxy === undefined || entry.proxy === filter.proxy) &&
        (filter.requestId === undefined || entry.requestId === filter.requestId) &&
        (filter.since === undefined || entry.id > filter.since),
    );
    if (filter.limit === undefined) return found;
    return filter.since === undefined
      ? found.slice(Math.max(0, found.length - filter.limit))
      : found.slice(0, filter.limit);
  }

  /** Forgets all entries and sets the sums to zero; ids go on, so that `since` stays right. */
  clear(): void {
    this.#pages.clear();
    this.#bodyBytes = 0;
    this.#oldestBodies = this.#lastId + 1;
    this.#stats.reset();
  }

  snapshot(): StatsSnapshot {
    return this.#stats.snapshot({ entries: this.#pages.size, bodyBytes: this.#bodyBytes });
  }

  #deliver(entry: BookEntry, more: Tokens): void {
    entry.delivered = addTokens(entry.delivered, more);
    this.#stats.delivered(entry, more);
  }

  #page(id: string): Page | undefined {
    if (id === 'last') return this.#pages.get(this.#lastId);
    if (/^\d+$/.test(id)) return this.#pages.get(Number(id));
    return Array.from(this.#pages.values()).findLast((page) => page.entry.requestId === id);
  }

  #dropOldest(): void {
    while (this.#bodyBytes > this.#limits.maxBodyBytes && this.#oldestBodies <= this.#lastId) {
      this.#dropBodies(this.#pages.get(this.#oldestBodies));
      this.#oldestBodies += 1;
    }
    for (const [id, page] of this.#pages) {
      if (this.#pages.size <= this.#limits.maxEntries) break;
      this.#dropBodies(page);
      this.#pages.delete(id);
    }
  }

  #dropBodies(page: Page | undefined): void {
    if (page === undefined || !page.entry.bodiesKept) return;
    page.entry.bodiesKept = false;
    this.#bodyBytes -= page.request.length + page.response.sizeBytes;
    page.request = Buffer.alloc(0);
    page.response = new ByteLog();
  }
}
