import { OmgError } from '@omg/errors';

/** A holder that does not read is cut off: it would be told things that are long over. */
const MAX_WAITING = 1_000;

/** The owner's side of one holder's stream: frames wait here until they are sent. */
export class OutgoingFrames<Frame> {
  readonly #waiting: Frame[] = [];
  #wake = Promise.withResolvers<void>();
  #ended: OmgError | undefined;

  send(frame: Frame): void {
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
  async *frames(signal: AbortSignal): AsyncGenerator<Frame, undefined> {
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

/** Gives the owner what the holder says, and yields what the owner says, until either has ended. */
export async function* exchangeFrames<Input, Frame>(
  frames: OutgoingFrames<Frame>,
  holder: {
    readonly inputs: AsyncIterator<Input>;
    readonly receive: (input: Input) => void;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Frame, undefined> {
  void receiveAll(holder).then(
    () => {
      frames.end(new OmgError('cancelled', 'the holder has ended the stream'));
    },
    (error: unknown) => {
      frames.end(error instanceof OmgError ? error : new OmgError('internal', 'the stream failed', { cause: error }));
    },
  );
  yield* frames.frames(holder.signal);
}

async function receiveAll<Input>({
  inputs,
  receive,
}: {
  readonly inputs: AsyncIterator<Input>;
  readonly receive: (input: Input) => void;
}): Promise<void> {
  for (let next = await inputs.next(); next.done !== true; next = await inputs.next()) receive(next.value);
}
