import { UpstreamError, type Upstream, type UpstreamRequest, type UpstreamResponse } from '../app/upstream.ts';
import { UpstreamExchange } from './upstream-exchange.ts';
import { UpstreamPools, type UpstreamPoolsOptions } from './upstream-pools.ts';

interface Place {
  readonly origin: string;
  readonly path: string;
}

const MAX_PLACES = 1_000;

/** Upstreams by undici, each attempt through its own proxy. */
export class UndiciUpstream implements Upstream, AsyncDisposable {
  readonly #pools: UpstreamPools;
  /** By their URL: there are a few endpoints, each of which is used again and again. */
  readonly #places = new Map<string, Place>();

  constructor(options: UpstreamPoolsOptions) {
    this.#pools = new UpstreamPools(options);
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const { signal } = request;
    if (signal.aborted) throw new UpstreamError('aborted', signal.reason);
    const { origin, path } = this.#placeOf(request.url);
    const exchange = new UpstreamExchange(signal);
    try {
      this.#pools.get({ origin, proxy: request.proxy, http2: request.http2 }).dispatch(
        {
          path,
          method: 'POST',
          headers: [...request.headers],
          body: request.body,
          headersTimeout: request.headersTimeoutMs,
          bodyTimeout: request.idleTimeoutMs,
        },
        exchange,
      );
    } catch (error) {
      exchange.fail(error);
    }
    return await exchange.response;
  }

  #placeOf(url: string): Place {
    const known = this.#places.get(url);
    if (known !== undefined) return known;
    const { origin, pathname, search } = new URL(url);
    const place = { origin, path: `${pathname}${search}` };
    if (this.#places.size >= MAX_PLACES) this.#places.clear();
    this.#places.set(url, place);
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pools[Symbol.asyncDispose]();
  }
}
