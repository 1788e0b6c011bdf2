import type { BookEntry } from './book-entry.ts';
import { NO_TOKENS, addTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

interface Sums {
  requests: number;
  /** Requests without an end yet, and the most at one time. */
  open: number;
  maxOpen: number;
  /** Finished requests by the status sent; `none` where no headers were sent. */
  byStatus: Record<string, number>;
  delivered: Tokens;
  promised: Tokens;
}

/** Exact sums over every request, whatever the books still hold of them. */
export interface StatsSnapshot extends Sums {
  readonly startedAtMs: number;
  readonly connections: { readonly opened: number; readonly open: number };
  /** Answers that are streams and still run. */
  readonly openStreams: number;
  readonly maxOpenStreams: number;
  readonly complete: number;
  readonly clientAway: number;
  readonly faulty: number;
  readonly bytesSent: number;
  readonly chunksSent: number;
  readonly byKey: Readonly<Record<string, Readonly<Sums>>>;
  readonly byProxy: Readonly<Record<string, number>>;
  readonly books: { readonly entries: number; readonly bodyBytes: number };
}

function noSums(): Sums {
  return { requests: 0, open: 0, maxOpen: 0, byStatus: {}, delivered: NO_TOKENS, promised: NO_TOKENS };
}

export class Stats {
  readonly #startedAtMs: number;
  #total = noSums();
  #byKey = new Map<string, Sums>();
  #byProxy = new Map<string, number>();
  #counts = { complete: 0, clientAway: 0, faulty: 0, bytesSent: 0, chunksSent: 0, openStreams: 0, maxOpenStreams: 0 };
  #connections = { opened: 0, open: 0 };

  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  connectionOpened(): void {
    this.#connections.opened += 1;
    this.#connections.open += 1;
  }

  connectionClosed(): void {
    this.#connections.open -= 1;
  }

  requestOpened(entry: BookEntry): void {
    for (const sums of this.#sumsOf(entry)) {
      sums.requests += 1;
      sums.open += 1;
      sums.maxOpen = Math.max(sums.maxOpen, sums.open);
    }
    this.#byProxy.set(entry.proxy, (this.#byProxy.get(entry.proxy) ?? 0) + 1);
  }

  streamOpened(): void {
    this.#counts.openStreams += 1;
    this.#counts.maxOpenStreams = Math.max(this.#counts.maxOpenStreams, this.#counts.openStreams);
  }

  streamClosed(): void {
    this.#counts.openStreams -= 1;
  }

  written(sizeBytes: number): void {
    this.#counts.bytesSent += sizeBytes;
    this.#counts.chunksSent += 1;
  }

  delivered(entry: BookEntry, more: Tokens): void {
    for (const sums of this.#sumsOf(entry)) sums.delivered = addTokens(sums.delivered, more);
  }

  requestClosed(entry: BookEntry): void {
    const status = entry.status === null ? 'none' : String(entry.status);
    for (const sums of this.#sumsOf(entry)) {
      sums.open -= 1;
      sums.byStatus[status] = (sums.byStatus[status] ?? 0) + 1;
      sums.promised = addTokens(sums.promised, entry.promised ?? NO_TOKENS);
    }
    if (entry.complete) this.#counts.complete += 1;
    if (entry.clientAwayAtMs !== null) this.#counts.clientAway += 1;
    if (entry.fault !== null) this.#counts.faulty += 1;
  }

  /** Sums to zero; what is open stays open. */
  reset(): void {
    this.#total = { ...noSums(), open: this.#total.open, maxOpen: this.#total.open };
    const running = Array.from(this.#byKey).filter(([, sums]) => sums.open > 0);
    this.#byKey = new Map(running.map(([key, sums]) => [key, { ...noSums(), open: sums.open, maxOpen: sums.open }]));
    this.#byProxy = new Map();
    const { openStreams } = this.#counts;
    this.#counts = {
      complete: 0,
      clientAway: 0,
      faulty: 0,
      bytesSent: 0,
      chunksSent: 0,
      openStreams,
      maxOpenStreams: openStreams,
    };
  }

  snapshot(books: StatsSnapshot['books']): StatsSnapshot {
    return {
      startedAtMs: this.#startedAtMs,
      connections: { ...this.#connections },
      ...structuredClone(this.#total),
      ...this.#counts,
      byKey: Object.fromEntries(structuredClone(this.#byKey)),
      byProxy: Object.fromEntries(this.#byProxy),
      books,
    };
  }

  #sumsOf(entry: BookEntry): [Sums, Sums] {
    const key = entry.key ?? '';
    let sums = this.#byKey.get(key);
    if (sums === undefined) {
      sums = noSums();
      this.#byKey.set(key, sums);
    }
    return [this.#total, sums];
  }
}
