import type { Dialect } from '@omg/llm-wire';
import type { ProxyAddress } from '@omg/proxy-connect';

/** The right to use one upstream key, at one endpoint, through one proxy, for one attempt. */
export interface Lease {
  readonly provider: string;
  readonly keyId: string;
  readonly secret: string;
  readonly generation: bigint;
  /** Undefined: directly. */
  readonly proxy: ProxyAddress | undefined;
  readonly endpointName: string;
  readonly urls: Readonly<Record<Dialect, string>>;
  readonly http2: boolean;
  readonly isProbe: boolean;
  /** Aborts when what runs with it is to be cut. */
  readonly cut: AbortSignal;
}

export interface LeaseWish {
  /** The upstream's name. */
  readonly model: string;
  /** 32 bits, of the conversation's key, scoped by the client key. */
  readonly affinityHash: number | undefined;
  /** An estimate, for keys that limit tokens per minute. */
  readonly tokens: number;
  /** Keys that this request has tried. */
  readonly exclude: readonly string[];
  readonly signal: AbortSignal;
}

export interface LeaseRefusal {
  readonly reason: 'none_available' | 'slots' | 'no_proxy' | 'held' | 'unavailable';
  readonly retryAfterMs: number | undefined;
}

export interface LeaseBroker {
  /** Never throws for the broker's sake. */
  acquire: (wish: LeaseWish) => Promise<Lease | LeaseRefusal>;
  /** The first verdict of an attempt: its failure, or its first byte. Once per lease; later calls do nothing. */
  report: (lease: Lease, verdict: LeaseVerdict) => void;
  /** Once per lease, whatever became of it. A lease that was never reported counts as cancelled. */
  release: (lease: Lease, tokensUsed: number) => void;
}

export interface LeaseVerdict {
  readonly cause: LeaseCause;
  readonly retryAfterMs?: number;
  readonly model?: string;
  readonly message?: string;
  readonly status?: number;
  readonly errorWords?: readonly string[];
  /** The attempt did not go through the proxy of its lease. */
  readonly direct?: true;
}

export type LeaseCause =
  | 'success'
  | 'rate_limited'
  | 'ban'
  | 'quota'
  | 'auth'
  | 'model_denied'
  | 'unattributed_403'
  | 'upstream_error'
  | 'connection'
  | 'timeout'
  | 'proxy_error'
  | 'request_fault'
  | 'cancelled';
