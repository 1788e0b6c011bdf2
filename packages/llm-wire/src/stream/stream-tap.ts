import { ByteAccumulator } from '../sse/byte-accumulator.ts';
import { SseScanner } from '../sse/sse-scanner.ts';
import type { WireError } from '../errors/wire-error.ts';
import type { StreamObserver } from './stream-observer.ts';

const LF = 10;

export type Emit = (bytes: Uint8Array) => void;

export interface StreamTapOptions {
  /**
   * Let an event pass only when it is there in full, so that the client's stream always stands at an event boundary.
   * Whatever is larger than the bound passes as it comes.
   */
  readonly holdPartialEvents?: boolean;
  /** Take the chunk with the usage out, which the client did not ask for. Implies holdPartialEvents. */
  readonly removeUsageChunk?: boolean;
  /** Whether the client must not see an event with this error: the stream then ends for it before that event. Implies holdPartialEvents. */
  readonly withholds?: (error: WireError) => boolean;
  readonly maxEventBytes?: number;
}

/**
 * Where the bytes of a stream pass by an observer. What is emitted are the chunks themselves, or ranges of them: only
 * the beginning of an event that spans chunks is copied, and only where partial events are held.
 */
export class StreamTap {
  readonly observer: StreamObserver;
  readonly #scanner: SseScanner;
  readonly #holds: boolean;
  readonly #held = new ByteAccumulator();
  /** Start and end of each event to leave out, in the chunk at hand. */
  readonly #cuts: number[] = [];
  /** All bytes before it were emitted or left out. */
  #released = 0;
  #lastCutEnd = -1;
  /** Where the event begins that is withheld, and all that follows. */
  #endsAt: number | undefined;

  constructor(observer: StreamObserver, options: StreamTapOptions = {}) {
    this.observer = observer;
    const { removeUsageChunk: removes = false, withholds } = options;
    this.#holds = removes || withholds !== undefined || (options.holdPartialEvents ?? false);
    const cuts = this.#cuts;
    const sink = this.#holds
      ? {
          onEvent: (event: Parameters<StreamObserver['onEvent']>[0]): void => {
            if (this.#endsAt !== undefined) return;
            const knew = observer.error !== undefined;
            observer.onEvent(event);
            if (removes && observer.isUsageChunk) cuts.push(event.startOffset, event.endOffset);
            if (!knew && observer.error !== undefined && withholds?.(observer.error) === true)
              this.#endsAt = event.startOffset;
          },
        }
      : observer;
    this.#scanner = new SseScanner(
      sink,
      options.maxEventBytes === undefined ? {} : { maxEventBytes: options.maxEventBytes },
    );
  }

  /** What was emitted so far ends at an event boundary: a heartbeat or an error event can follow. */
  get atBoundary(): boolean {
    return this.#scanner.atBoundary || (this.#holds && !this.#scanner.overflowing);
  }

  /** There was an event that the client must not see: nothing more is emitted. */
  get withheld(): boolean {
    return this.#endsAt !== undefined;
  }

  /** Observes the chunk first, so that the observer knows of everything that `emit` is then given. */
  push(chunk: Uint8Array, emit: Emit): void {
    if (chunk.length === 0 || this.withheld) return;
    const scanner = this.#scanner;
    if (!this.#holds) {
      scanner.push(chunk);
      emit(chunk);
      return;
    }
    const base = scanner.offset;
    const completesCut = scanner.afterCr && scanner.atBoundary && this.#lastCutEnd === base && chunk[0] === LF;
    scanner.push(chunk);
    if (completesCut) this.#released = base + 1;
    const passesTo = scanner.overflowing ? scanner.offset : scanner.boundaryOffset;
    this.#emitUpTo(this.#endsAt ?? passesTo, chunk, base, emit);
    if (this.withheld) this.#held.clear();
    else if (this.#released < scanner.offset)
      this.#held.append(chunk, Math.max(this.#released - base, 0), chunk.length);
  }

  /** The upstream ended. Emits what was held, if it is wanted; it is not where the stream is known to be cut. */
  end(emit?: Emit): void {
    this.#scanner.end();
    if (emit !== undefined && this.#cuts.length === 0 && this.#held.length > 0) emit(this.#held.take());
    this.#held.clear();
    this.#cuts.length = 0;
  }

  #emitUpTo(offset: number, chunk: Uint8Array, base: number, emit: Emit): void {
    const cuts = this.#cuts;
    for (let i = 0; i < cuts.length; i += 2) {
      this.#release(cuts[i] ?? 0, chunk, base, emit);
      this.#held.clear();
      this.#released = this.#lastCutEnd = cuts[i + 1] ?? 0;
    }
    cuts.length = 0;
    this.#release(offset, chunk, base, emit);
  }

  #release(to: number, chunk: Uint8Array, base: number, emit: Emit): void {
    if (to <= this.#released) return;
    if (this.#held.length > 0) emit(this.#held.take());
    const from = Math.max(this.#released - base, 0);
    this.#released = to;
    if (from === 0 && to - base === chunk.length) emit(chunk);
    else if (to - base > from) emit(chunk.subarray(from, to - base));
  }
}
