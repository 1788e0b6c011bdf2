import type { ClientSink } from './ports.ts';
import type { RawHeaders } from './upstream.ts';

export interface AttemptHeadOptions {
  readonly sink: ClientSink;
  readonly status: number;
  readonly headers: RawHeaders;
  readonly holdMs: number;
  readonly maxBytes: number;
  /** The client is about to get the first byte. */
  readonly onRelease: () => void;
}

/**
 * Keeps the head of a stream back until its content begins, so that an attempt which fails right at its beginning can be
 * followed by another one unseen. Not for long, though, and not much of it: then the client gets what there is.
 */
export class AttemptHead implements Disposable {
  readonly #options: AttemptHeadOptions;
  readonly #timer: NodeJS.Timeout;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #released = false;

  constructor(options: AttemptHeadOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => {
      // whoever relays the stream meets the same fault of the client's at its next write
      this.release().catch(() => undefined);
    }, options.holdMs);
  }

  /** The client has seen something: from here on there is no other attempt. */
  get released(): boolean {
    return this.#released;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#released) {
      await this.#options.sink.write(bytes);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#options.maxBytes) await this.release();
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearTimeout(this.#timer);
    const { sink, status, headers, onRelease } = this.#options;
    onRelease();
    sink.begin(status, headers);
    const head = Buffer.concat(this.#held);
    this.#held = [];
    // in one write, which nothing can come before
    if (head.length > 0) await sink.write(head);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
