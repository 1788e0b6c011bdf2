import { UpstreamError, type Upstream, type UpstreamRequest, type UpstreamResponse } from '../app/upstream.ts';
import { UpstreamExchange } from './upstream-exchange.ts';
import { UpstreamPools, type UpstreamPoolsOptions } from './upstream-pools.ts';

/** Upstreams by undici, each attempt through its own proxy. */
export class UndiciUpstream implements Upstream, AsyncDisposable {
  readonly #pools: UpstreamPools;

  constructor(options: UpstreamPoolsOptions) {
    this.#pools = new UpstreamPools(options);
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const { signal } = request;
    if (signal.aborted) throw new UpstreamError('aborted', signal.reason);
    const { pathname, search } = new URL(request.url);
    const exchange = new UpstreamExchange(signal);
    try {
      this.#pools.get(request).dispatch(
        {
          path: `${pathname}${search}`,
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pools[Symbol.asyncDispose]();
  }
}
