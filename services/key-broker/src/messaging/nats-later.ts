import { OmgError } from '@omg/errors';
import { connectNats, type Nats, type NatsOptions } from '@omg/messaging';
import { pause } from '@omg/service';

const RETRY_MS = 1_000;

/** A connection that is made when the server is there: leases do not wait for it. */
export class NatsLater implements AsyncDisposable {
  readonly #stopped = new AbortController();
  readonly #connecting: Promise<Nats | undefined>;
  #nats: Nats | undefined;

  constructor(options: NatsOptions) {
    this.#connecting = this.#connect(options);
  }

  /** Throws `unavailable` where there is no connection yet. */
  now(): Nats {
    if (this.#nats === undefined) throw new OmgError('unavailable', 'NATS cannot be reached');
    return this.#nats;
  }

  /** Undefined: this process ends. */
  async whenConnected(): Promise<Nats | undefined> {
    return await this.#connecting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    const nats = await this.#connecting;
    await nats?.[Symbol.asyncDispose]();
  }

  async #connect(options: NatsOptions): Promise<Nats | undefined> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        this.#nats = await connectNats(options);
        return this.#nats;
      } catch {
        await pause(RETRY_MS, signal);
      }
    }
    return undefined;
  }
}
