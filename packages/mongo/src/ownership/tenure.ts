import { OmgError } from '@omg/errors';
import type { Binary, ClientSession, Document } from 'mongodb';
import type { Mongo } from '../connect-mongo.ts';
import type { Owned } from './owned.ts';
import type { OwnerStore } from './owner-store.ts';

export interface TenureOptions {
  readonly id: string;
  readonly term: number;
  readonly mongo: Mongo;
  readonly store: OwnerStore;
  readonly isMine: () => boolean;
  readonly renewalDueInMs: () => number;
  /** Lets the renewal be sent that is due, and waits for its answer. */
  readonly renew: () => Promise<void>;
  /** The fence has a higher term. */
  readonly onMoved: () => void;
}

const MAX_QUEUED = 1_000;

/** A claim from when it is sent to when its last transaction has ended: one driver session, which `owners` has on record before it is used. */
export class Tenure implements Owned {
  readonly id: string;
  readonly term: number;
  readonly lsid: Binary;
  readonly signal: AbortSignal;
  /** The sessions of those who were before. */
  toEnd: readonly Binary[] = [];
  fence: Document = {};
  readonly isMine: () => boolean;
  readonly renewalDueInMs: () => number;
  readonly #options: TenureOptions;
  readonly #session: ClientSession;
  readonly #stopped = new AbortController();
  readonly #lost = Promise.withResolvers<never>();
  #last: Promise<unknown> = Promise.resolve();
  #queued = 0;
  #ending: Promise<void> | undefined;

  constructor(options: TenureOptions) {
    this.#options = options;
    this.id = options.id;
    this.term = options.term;
    this.isMine = options.isMine;
    this.renewalDueInMs = options.renewalDueInMs;
    this.signal = this.#stopped.signal;
    this.#session = options.mongo.db.client.startSession();
    const { id } = this.#session;
    if (id === undefined) throw new OmgError('internal', 'a session without an id');
    this.lsid = id.id;
    this.#lost.promise.catch(() => {});
  }

  async renew(): Promise<void> {
    await this.#options.renew();
    this.#check();
  }

  async transaction<T>(work: (session: ClientSession) => Promise<T>, set?: Document): Promise<T> {
    if (this.#queued >= MAX_QUEUED) throw new OmgError('exhausted', `too many transactions wait for ${this.id}`);
    this.#queued += 1;
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      return await this.#transact(work, set);
    } finally {
      this.#queued -= 1;
      resolve();
    }
  }

  /** Lets the work come to its end. */
  stop(): void {
    this.#stopped.abort(new OmgError('cancelled', `${this.id} is handed over`));
  }

  /** Ends the work now: what waits is refused, and an open transaction is aborted so that nobody waits for its locks. */
  lose(): void {
    this.#lost.reject(this.#notOwner());
    this.#stopped.abort(this.#notOwner());
    void this.#endSession();
  }

  /** After the last transaction. */
  async end(): Promise<void> {
    await this.#last;
    await this.#endSession();
  }

  async #transact<T>(work: (session: ClientSession) => Promise<T>, set: Document | undefined): Promise<T> {
    const { id, term } = this;
    const { mongo, store, onMoved } = this.#options;
    this.#check();
    const running = mongo.transaction(async (session) => {
      this.#check();
      if (!(await store.changeFence({ id, term, set }, session))) {
        onMoved();
        throw this.#notOwner();
      }
      const result = await work(session);
      this.#check();
      return result;
    }, this.#session);
    try {
      return await Promise.race([running, this.#lost.promise]);
    } catch (error) {
      if (this.isMine() || error instanceof OmgError) throw error;
      throw this.#notOwner(error);
    }
  }

  #check(): void {
    if (!this.isMine()) throw this.#notOwner();
  }

  #notOwner(cause?: unknown): OmgError {
    return new OmgError('not_owner', `${this.id} is not owned here any more`, { cause, details: { id: this.id } });
  }

  async #endSession(): Promise<void> {
    this.#ending ??= this.#abortAndEnd();
    await this.#ending;
  }

  async #abortAndEnd(): Promise<void> {
    // it stays on record, and the next owner ends it on the server: the driver must not use it for anything else
    this.#session.serverSession.isDirty = true;
    try {
      await this.#session.endSession();
    } catch {
      // the next owner ends it
    }
  }
}
