import {
  admit,
  cancel,
  createHolder,
  DIMENSIONS,
  flush,
  holderAdvance,
  holderConnect,
  holderDisconnect,
  holderLeft,
  holderNextDeadline,
  holderReceive,
  holderUnspent,
  settle,
  type Admission,
  type Amounts,
  type HolderEvent,
  type HolderMessage,
  type HolderOptions,
  type Outcome,
  type OwnerMessage,
  type QuotaHolder,
  type ScopeNeed,
} from '@omg/quota';
import { afterArrivals } from './after-arrivals.ts';
import { createSleepAwareClock } from './sleep-aware-clock.ts';

export interface HolderLinkOptions extends HolderOptions {
  /** Milliseconds that neither go back nor stand still; a sleep-aware clock by default. */
  readonly now?: () => number;
}

/** The way to an owner, as whoever opened it gives it to the link. */
export interface HolderStream {
  /** What has come together in a tick; empty after `wake` where there was nothing else to say. */
  send: (messages: readonly HolderMessage[]) => void;
  /** The stream is of no more use: open another one, to whoever is the owner now. */
  close: () => void;
}

/** The link's end of a stream; once another one is connected it does nothing. */
export interface HolderConnection {
  /** Messages of the owner of this term, in their order. */
  received: (term: number, messages: readonly OwnerMessage[]) => void;
  ended: () => void;
}

export interface AdmitOptions {
  /** The owner is asked even where what is held would do. */
  readonly ask?: boolean;
  /** Ends the wait; the admission is `ended` then. */
  readonly signal?: AbortSignal;
  /** A wait ends with the stream as well: the caller knows something better than to wait for the next one. */
  readonly endsWithStream?: boolean;
}

interface Waiter {
  readonly resolve: (admission: Admission) => void;
  readonly endsWithStream: boolean;
}

/**
 * Drives the holder's side of the quota protocol: clock, timers, and one frame per turn of the event loop, however many
 * requests came in it. It knows no transport: a stream is connected to it, is told what to send, and tells what came.
 */
export class HolderLink implements Disposable {
  readonly now: () => number;
  readonly #holder: QuotaHolder;
  readonly #waiting = new Map<Admission, Waiter>();
  #stream: HolderStream | undefined;
  #connections = 0;
  #woken = false;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Infinity;
  #answered: { readonly after: number; readonly resolve: () => void } | undefined;
  #disposed = false;

  constructor({ now = createSleepAwareClock(), ...options }: HolderLinkOptions) {
    this.now = now;
    this.#holder = createHolder(options, now());
  }

  /** An owner has said Welcome on the stream, and answers. */
  get isLive(): boolean {
    return this.#holder.welcomed;
  }

  /** The highest that was heard of. */
  get term(): number {
    return this.#holder.term;
  }

  /** Whether a request would be served of what is held. */
  holds(scope: string, need: Amounts): boolean {
    const unspent = holderUnspent(this.#holder, scope, this.now());
    return DIMENSIONS.every((dimension) => (need[dimension] ?? 0) <= (unspent[dimension] ?? 0));
  }

  /** About how much of a scope is left, for people; undefined before an owner has told. */
  left(scope: string): Amounts | undefined {
    return holderLeft(this.#holder, scope);
  }

  /** `running` or `denied` at once where that can be told, else a promise of it. */
  admit(needs: readonly ScopeNeed[], options: AdmitOptions = {}): Admission | Promise<Admission> {
    const { ask = false, signal, endsWithStream = false } = options;
    const admission = admit(this.#holder, needs, this.now(), { ask });
    if (admission.state !== 'waiting') return admission;
    const { promise, resolve } = Promise.withResolvers<Admission>();
    const end = (): void => {
      this.#end(admission);
    };
    signal?.addEventListener('abort', end, { once: true });
    this.#waiting.set(admission, {
      resolve: (decided) => {
        signal?.removeEventListener('abort', end);
        resolve(decided);
      },
      endsWithStream,
    });
    if (this.#disposed || signal?.aborted === true) end();
    else this.#schedule();
    return promise;
  }

  /** Ends a running request. A second call does nothing, and says so. */
  settle(admission: Admission, outcome: Outcome): boolean {
    const settled = settle(this.#holder, admission, { outcome, nowMs: this.now() });
    this.#schedule();
    return settled;
  }

  /** There is something else to go with the frame of this tick: `send` is called even if it has no messages. */
  wake(): void {
    if (!this.isLive) return;
    this.#woken = true;
    this.#flushSoon();
  }

  /** A stream is open. The one before, if any, is forgotten. */
  connect(stream: HolderStream): HolderConnection {
    this.#connections += 1;
    const connection = String(this.#connections);
    this.#stream = stream;
    holderConnect(this.#holder, connection, this.now());
    this.#endStreamWaits();
    return {
      received: (term, messages) => {
        for (const message of messages) {
          this.#handle(holderReceive(this.#holder, { connection, term, message }, this.now()));
          this.#noteAnswer(message);
        }
        this.#schedule();
      },
      ended: () => {
        if (this.#stream !== stream) return;
        this.#stream = undefined;
        holderDisconnect(this.#holder, connection, this.now());
        this.#endStreamWaits();
        this.#answered?.resolve();
        this.#schedule();
      },
    };
  }

  /** Gives back what no request runs on; resolves when the owner has heard it, at the end of the stream, or of the time. */
  async returnHeld(timeoutMs: number): Promise<void> {
    const { connection, term, scopes } = this.#holder;
    if (!this.isLive || connection === undefined) return;
    for (const scope of scopes.keys()) {
      // what an owner's recall does is what has to be done
      const message = { kind: 'recall', scope, dimensions: DIMENSIONS } as const;
      this.#handle(holderReceive(this.#holder, { connection, term, message }, this.now()));
    }
    // who has nothing to say need not be heard
    if (!this.#turn()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#answered = { after: this.#holder.lastRef, resolve };
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#answered = undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    for (const admission of this.#waiting.keys()) this.#end(admission);
  }

  #end(admission: Admission): void {
    const waiter = this.#waiting.get(admission);
    if (waiter === undefined) return;
    this.#waiting.delete(admission);
    cancel(this.#holder, admission);
    waiter.resolve(admission);
  }

  #endStreamWaits(): void {
    for (const [admission, { endsWithStream }] of this.#waiting) if (endsWithStream) this.#end(admission);
  }

  #handle(events: readonly HolderEvent[]): void {
    for (const event of events) {
      if (event.kind === 'close') {
        this.#endStreamWaits();
        this.#stream?.close();
        continue;
      }
      const waiter = this.#waiting.get(event.admission);
      this.#waiting.delete(event.admission);
      waiter?.resolve(event.admission);
    }
  }

  /** The owner answers in order, so it has heard what was sent before. */
  #noteAnswer(message: OwnerMessage): void {
    if (message.kind === 'grant' && this.#answered !== undefined && message.ref > this.#answered.after)
      this.#answered.resolve();
  }

  /** Whether there was something to send. */
  #turn(): boolean {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#handle(holderAdvance(this.#holder, this.now()));
    const messages = flush(this.#holder, this.now());
    const woken = this.#woken && this.isLive;
    this.#woken = false;
    const sends = messages.length > 0 || woken;
    if (sends) this.#stream?.send(messages);
    this.#schedule();
    return sends;
  }

  #schedule(): void {
    if (this.#disposed || this.#immediate !== undefined) return;
    const deadlineMs = holderNextDeadline(this.#holder);
    if (deadlineMs === -Infinity) {
      this.#flushSoon();
    } else if (deadlineMs < this.#timerMs) {
      clearTimeout(this.#timer);
      this.#timerMs = deadlineMs;
      const delayMs = Math.max(1, Math.ceil(deadlineMs - this.now()));
      this.#timer = setTimeout(() => {
        this.#timerMs = Infinity;
        afterArrivals(() => {
          if (!this.#disposed) this.#turn();
        });
      }, delayMs);
    }
  }

  #flushSoon(): void {
    if (this.#disposed) return;
    this.#immediate ??= setImmediate(() => {
      this.#turn();
    });
  }
}
