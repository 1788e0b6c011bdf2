import { setTimeout as wait } from 'node:timers/promises';
import type { ChangeStream, ChangeStreamDocument } from 'mongodb';
import type { Mongo } from './connect-mongo.ts';

export interface FollowChangesOptions {
  readonly mongo: Mongo;
  readonly pipeline: object[];
  /** What happens from here on is told; what happened since the stream before broke is not. Also called at first. */
  readonly onOpen: () => void;
  readonly onChange: (change: ChangeStreamDocument) => void;
  /** It goes on by itself. */
  readonly onError: (error: unknown) => void;
}

/** Opening and closing take up to so long. */
const AWAIT_MS = 250;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;

/** Tells of changes in the database through one change stream, which is opened again whenever it breaks. */
export function followChanges(options: FollowChangesOptions): AsyncDisposable {
  const follower = new Follower(options);
  const running = follower.run();
  return {
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await running;
    },
  };
}

class Follower {
  readonly #options: FollowChangesOptions;
  readonly #stopped = new AbortController();
  #stream: ChangeStream | undefined;

  constructor(options: FollowChangesOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped;
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
          waitMs = FIRST_WAIT_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError(error);
      }
      await wait(waitMs, undefined, { signal }).catch(() => undefined);
      waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#stream?.close();
  }

  /** Until the stream breaks in a way that the driver cannot mend. */
  async #follow(onOpen: () => void): Promise<void> {
    const { mongo, pipeline } = this.#options;
    await using stream = mongo.db.watch(pipeline, { maxAwaitTimeMS: AWAIT_MS });
    this.#stream = stream;
    if (this.#stopped.signal.aborted) return;
    // the first call opens it: what happens from here on is seen
    const first = await stream.tryNext();
    onOpen();
    this.#options.onOpen();
    if (first !== null) this.#options.onChange(first);
    for await (const change of stream) this.#options.onChange(change);
  }
}
