import type { ProxyAddress } from '@omg/proxy-connect';
import { Pool } from 'undici';
import { upstreamConnector } from './upstream-connector.ts';

export interface UpstreamPoolsOptions {
  /** Asked for each connection. */
  readonly connectTimeoutMs: () => number;
  /** How long a connection without a request is kept. */
  readonly keepAliveMs?: number;
  /** How long a pool without a new request is kept. */
  readonly idlePoolMs?: number;
  readonly maxPools?: number;
}

/** Which connections may serve a request. */
export interface Route {
  readonly origin: string;
  readonly proxy: ProxyAddress | undefined;
  readonly http2: boolean;
}

interface Kept {
  readonly pool: Pool;
  usedAtMs: number;
}

/**
 * A pool of connections per origin and proxy; the proxy is all of its address, so one that is changed has new
 * connections from its next request on. Every request that finds no free connection opens one: nobody waits for another.
 */
export class UpstreamPools implements AsyncDisposable {
  readonly #connectTimeoutMs: () => number;
  readonly #keepAliveMs: number;
  readonly #idlePoolMs: number;
  readonly #maxPools: number;
  /** The longest unused first. */
  readonly #pools = new Map<string, Kept>();
  /** They still serve what they had begun. */
  readonly #closing = new Set<Pool>();
  readonly #stopped = new AbortController();
  readonly #sweeping: NodeJS.Timeout;

  constructor(options: UpstreamPoolsOptions) {
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#keepAliveMs = options.keepAliveMs ?? 30_000;
    this.#idlePoolMs = options.idlePoolMs ?? 5 * 60_000;
    this.#maxPools = options.maxPools ?? 1_000;
    this.#sweeping = setInterval(() => {
      this.#sweep();
    }, this.#idlePoolMs / 4).unref();
  }

  get({ origin, proxy, http2 }: Route): Pool {
    const key = proxy === undefined ? `${origin} ${http2}` : keyOf(origin, proxy, http2);
    const kept = this.#pools.get(key) ?? { pool: this.#open(origin, proxy, http2), usedAtMs: 0 };
    kept.usedAtMs = performance.now();
    this.#pools.delete(key);
    const [unused] = this.#pools.keys();
    if (unused !== undefined && this.#pools.size >= this.#maxPools) this.#close(unused);
    this.#pools.set(key, kept);
    return kept.pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeping);
    this.#stopped.abort();
    const pools = [...this.#closing, ...[...this.#pools.values()].map(({ pool }) => pool)];
    await Promise.all(pools.map(async (pool) => await pool.destroy()));
  }

  #open(origin: string, proxy: ProxyAddress | undefined, http2: boolean): Pool {
    const stopped = this.#stopped.signal;
    return new Pool(origin, {
      connect: upstreamConnector({ proxy, http2, connectTimeoutMs: this.#connectTimeoutMs, stopped }),
      allowH2: http2,
      pipelining: 1,
      keepAliveTimeout: this.#keepAliveMs,
      keepAliveMaxTimeout: this.#keepAliveMs,
      // undici's own limits of 300 s would cut long answers; each request brings its own
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  #sweep(): void {
    const unusedSinceMs = performance.now() - this.#idlePoolMs;
    for (const [key, { usedAtMs }] of this.#pools) {
      if (usedAtMs > unusedSinceMs) return;
      this.#close(key);
    }
  }

  #close(key: string): void {
    const pool = this.#pools.get(key)?.pool;
    this.#pools.delete(key);
    if (pool === undefined) return;
    this.#closing.add(pool);
    void pool.close().finally(() => this.#closing.delete(pool));
  }
}

function keyOf(origin: string, { type, host, port, username, password }: ProxyAddress, http2: boolean): string {
  return JSON.stringify([origin, http2, type, host, port, username, password]);
}
