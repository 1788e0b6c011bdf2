import { ProxyError } from '@omg/proxy-connect';
import { errors, type Dispatcher } from 'undici';
import {
  UpstreamError,
  type Upstream,
  type UpstreamFault,
  type UpstreamRequest,
  type UpstreamResponse,
} from '../app/upstream.ts';
import { ConnectError } from './upstream-connector.ts';
import { UpstreamPools, type UpstreamPoolsOptions } from './upstream-pools.ts';

/** Upstreams by undici, each attempt through its own proxy. */
export class UndiciUpstream implements Upstream, AsyncDisposable {
  readonly #pools: UpstreamPools;

  constructor(options: UpstreamPoolsOptions) {
    this.#pools = new UpstreamPools(options);
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const { pathname, search } = new URL(request.url);
    const response = await attempt(request.signal, async () => {
      request.signal.throwIfAborted();
      const answer = this.#pools.get(request).request({
        path: `${pathname}${search}`,
        method: 'POST',
        headers: [...request.headers],
        body: request.body,
        headersTimeout: request.headersTimeoutMs,
        bodyTimeout: request.idleTimeoutMs,
        signal: request.signal,
      });
      return await orAborted(answer, request.signal);
    });
    return { status: response.statusCode, headers: response.headers, body: readBody(response, request.signal) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pools[Symbol.asyncDispose]();
  }
}

async function* readBody(response: Dispatcher.ResponseData, signal: AbortSignal): AsyncIterable<Uint8Array> {
  // undici types it as a stream of anything; it is one of bytes
  const chunks: AsyncIterator<Uint8Array, undefined> = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await attempt(signal, async () => await chunks.next());
      if (done === true) return;
      yield value;
    }
  } finally {
    // whoever stops reading is done with the answer: its socket must not wait for the rest
    response.body.on('error', () => undefined).destroy();
  }
}

/** undici heeds the signal only once there is a connection, for which nobody who has left is to wait. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = (): void => {
    left.reject(signal.reason);
  };
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

async function attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UpstreamError(signal.aborted ? 'aborted' : faultOf(error), error);
  }
}

function faultOf(error: unknown): UpstreamFault {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return 'timeout';
  if (error instanceof ProxyError) return error.fault === 'proxy' ? 'proxy' : 'connect';
  return error instanceof ConnectError ? 'connect' : 'reset';
}
