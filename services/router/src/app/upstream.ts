import { ProxyError, type ProxyAddress } from '@omg/proxy-connect';

/** Names and values in turn. */
export type RawHeaders = readonly string[];

export interface UpstreamRequest {
  readonly url: string;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
  /** Undefined: directly. */
  readonly proxy: ProxyAddress | undefined;
  /** Whether the upstream may be offered HTTP/2. */
  readonly http2: boolean;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Why there was no answer, or why it ended in the middle. `proxy`: the proxy cannot be reached or refuses us; `connect`:
 * the upstream cannot be reached, by us or by the proxy.
 */
export type UpstreamFault = 'connect' | 'timeout' | 'reset' | 'aborted' | 'proxy';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly fault: UpstreamFault;

  constructor(fault: UpstreamFault, cause: unknown) {
    super(`upstream: ${fault}${cause instanceof ProxyError ? `, ${cause.message}` : ''}`, { cause });
    this.fault = fault;
  }
}

export interface Upstream {
  /** Throws an UpstreamError, also while the body is read. */
  send: (request: UpstreamRequest) => Promise<UpstreamResponse>;
}
