import { OmgError } from '@omg/errors';
import type { HoldFrame } from '../domain/pool/pool-types.ts';

/** A holder that does not read is cut off: it would be told things that are long over. */
const MAX_WAITING = 1_000;

/** The owner's side of one holder's stream: frames wait here until they are sent. */
export class HoldStream {
  readonly id: string;
  readonly #waiting: HoldFrame[] = [];
  #wake = Promise.withResolvers<void>();
  #ended: OmgError | undefined;

  constructor(id: string) {
    this.id = id;
  }

  send(frame: HoldFrame): void {
    if (this.#waiting.length >= MAX_WAITING) this.end(new OmgError('exhausted', 'the holder does not read its stream'));
    else this.#waiting.push(frame);
    this.#wake.resolve();
  }

  /** Undefined: the holder is to connect again. */
  end(error?: OmgError): void {
    this.#ended ??= error ?? new OmgError('cancelled', 'the stream is of no more use');
    this.#wake.resolve();
  }

  /** Until the stream ends; throws why it did. */
  async *frames(signal: AbortSignal): AsyncGenerator<HoldFrame, undefined> {
    const stop = (): void => {
      this.end(new OmgError('cancelled', 'the stream was ended'));
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        for (let frame = this.#waiting.shift(); frame !== undefined; frame = this.#waiting.shift()) yield frame;
        if (signal.aborted) return undefined;
        if (this.#ended !== undefined) throw this.#ended;
        await this.#wake.promise;
        this.#wake = Promise.withResolvers<void>();
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
