import type { IncomingMessage, ServerResponse } from 'node:http';

import type { BookEntry } from './book-entry.ts';
import type { Books } from './books.ts';
import type { Write } from './chunker.ts';
import type { Tokens } from './tokens.ts';
import type { HeaderList } from './vendor-headers.ts';

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly requestId: string;
  readonly prompt: Tokens;
  /** null: the body's end is the connection's end. */
  readonly framing: 'chunked' | 'length' | 'close';
}

/** One request and its answer on the socket; everything that happens to it is written into the books at once. */
export class Exchange {
  readonly entry: BookEntry;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #books: Books;
  readonly #wakers = new Set<() => void>();
  #over = false;
  #endedByUs = false;

  constructor(req: IncomingMessage, res: ServerResponse, books: Books, entry: BookEntry) {
    this.#req = req;
    this.#res = res;
    this.#books = books;
    this.entry = entry;
    const left = (): void => this.#leave();
    // A half-closed connection counts as gone: the server would end it as well.
    req.socket.once('end', left);
    res.once('close', () => {
      req.socket.off('end', left);
      this.#leave();
      books.closed(entry);
    });
  }

  /** The client is gone, or the answer is over. */
  get over(): boolean {
    return this.#over;
  }

  /** Resolves to false as soon as the exchange is over. */
  async sleep(delayMs: number): Promise<boolean> {
    if (this.#over) return false;
    if (delayMs <= 0) return true;
    return await new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve(!this.#over);
      };
      const timer = setTimeout(wake, delayMs);
      this.#wakers.add(wake);
    });
  }

  async untilOver(): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      this.#wakers.add(resolve);
    });
  }

  begin(head: ResponseHead, flush: boolean): void {
    if (head.framing === 'close') {
      this.#res.useChunkedEncodingByDefault = false;
      this.#res.shouldKeepAlive = false;
    }
    this.#res.writeHead(
      head.status,
      head.headers.flatMap(([name, value]) => [name, value]),
    );
    if (flush) this.#res.flushHeaders();
    this.#books.began(this.entry, head.status, head.requestId, head.prompt);
  }

  /** True once the operating system took the bytes; only then are they in the books. */
  async write({ bytes, credit }: Write): Promise<boolean> {
    if (this.#over) return false;
    if (bytes.length === 0) {
      this.#books.credit(this.entry, credit);
      return true;
    }
    return await new Promise((resolve) => {
      const gone = (): void => resolve(false);
      this.#wakers.add(gone);
      this.#res.write(bytes, (error) => {
        this.#wakers.delete(gone);
        const taken = error === undefined || error === null;
        if (taken) this.#books.wrote(this.entry, bytes, credit);
        resolve(taken && !this.#over);
      });
    });
  }

  /** Ends the body as a whole one. */
  async end(complete: boolean): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      this.#wakers.add(resolve);
      this.#res.end(() => {
        // From here on a closed connection is no abort: all was handed over.
        this.#endedByUs = true;
        this.entry.complete = complete;
        resolve();
      });
    });
  }

  /** Breaks the connection off: a reset, or a close in the middle of the framing. */
  breakOff(how: 'rst' | 'fin'): void {
    if (this.#over) return;
    this.#endedByUs = true;
    if (how === 'rst') this.#req.socket.resetAndDestroy();
    else this.#req.socket.destroy();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (!this.#endedByUs) this.#books.clientAway(this.entry);
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }
}
