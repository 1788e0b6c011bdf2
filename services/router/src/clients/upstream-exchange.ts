import { ProxyError } from '@omg/proxy-connect';
import { nextTurn } from '@omg/service';
import { errors, type Dispatcher } from 'undici';
import { UpstreamError, type UpstreamFault, type UpstreamResponse } from '../app/upstream.ts';
import { ConnectError } from './upstream-connector.ts';

/** More than this waits in the socket, not here. */
const MAX_WAITING_BYTES = 64 * 1024;

/**
 * One request on its way through undici, at its lowest level: a stream object for each answer, and a way through the router
 * for each of its chunks, would cost more than all else. What has come when a turn of the loop ends is handed on as one.
 */
export class UpstreamExchange implements Dispatcher.DispatchHandler, AsyncIterableIterator<Uint8Array> {
  readonly #signal: AbortSignal;
  readonly #response = Promise.withResolvers<UpstreamResponse>();
  #controller: Dispatcher.DispatchController | undefined;
  /** There is an answer, or soon will be for who waits for it. */
  #hasBegun = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Ends the wait of whoever reads. */
  #wake: (() => void) | undefined;
  #isOver = false;
  #error: UpstreamError | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  get response(): Promise<UpstreamResponse> {
    return this.#response.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // whoever left while the request waited for its connection was told so then
    if (this.#isOver) controller.abort(abortion());
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.#hasBegun = true;
    // with all that begin in this turn
    void nextTurn().then(() => {
      this.#response.resolve({ status, headers, body: this });
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.fail(error);
  }

  /** There is no answer, or no more of it; what came before is still there to be read. */
  fail(error: unknown): void {
    this.#end(new UpstreamError(faultOf(error), error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#waiting.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return { done: true, value: undefined };
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      await nextTurn();
    }
    const [first] = this.#waiting;
    const value = first !== undefined && this.#waiting.length === 1 ? first : Buffer.concat(this.#waiting);
    const wasPaused = this.#waitingBytes >= MAX_WAITING_BYTES;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (wasPaused && !this.#isOver) this.#controller?.resume();
    return { done: false, value };
  }

  /** Whoever stops reading is done with the answer: its socket must not wait for the rest. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isOver) {
      this.#end(undefined);
      this.#controller?.abort(abortion());
    }
    this.#waiting = [];
    return await Promise.resolve({ done: true, value: undefined });
  }

  readonly #abort = (): void => {
    if (this.#isOver) return;
    this.#end(new UpstreamError('aborted', this.#signal.reason));
    // nobody is to be given what was not passed on by now
    this.#waiting = [];
    this.#controller?.abort(abortion());
  };

  #end(error: UpstreamError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#signal.removeEventListener('abort', this.#abort);
    // what has begun is an answer, however it ends: its headers tell what the provider calls it
    if (error !== undefined && !this.#hasBegun) this.#response.reject(error);
    this.#wake?.();
  }
}

function abortion(): Error {
  return new errors.RequestAbortedError();
}

function faultOf(error: unknown): UpstreamFault {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return 'timeout';
  if (error instanceof ProxyError) return error.fault === 'proxy' ? 'proxy' : 'connect';
  return error instanceof ConnectError ? 'connect' : 'reset';
}
