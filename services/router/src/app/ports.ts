import type { Dialect } from '@omg/llm-wire';
import type { Price } from '@omg/pricing';
import type { Amounts } from '@omg/quota';
import type { KeyTerms } from '../domain/key-terms.ts';
import type { RawHeaders } from './upstream.ts';

export interface Clock {
  /** Wall clock, for what people read. */
  now: () => Date;
  /** Never set back, for durations. */
  monotonicMs: () => number;
}

/** Who a request is for, as the books name it. */
export interface AccountRef {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly clientKeyId: string;
  /** Absent: nothing restricts the key. */
  readonly keyTerms?: KeyTerms;
}

/** Who a request is for, and what it may do. */
export interface Account extends AccountRef {
  readonly keyTerms: KeyTerms;
  /** All that a request has to be admitted by. */
  readonly quotas: readonly AccountQuota[];
}

/** One quota of an account at this site, as its owner names it. */
export interface AccountQuota {
  readonly name: string;
  readonly kind: 'rate' | 'credit' | 'budget';
  /** Of the client key; else of its tenant. */
  readonly ofKey: boolean;
  /** What it allows in all; what is absent is not limited. */
  readonly limits: Amounts;
  /** Of money: nothing may go beyond it; else one request may. */
  readonly hard: boolean;
  /** Of a budget: what is spent of, and from how much on it is to be warned. */
  readonly bucket: string;
  readonly warnFromNanoUsd: number | undefined;
}

/** Why a client key opens nothing. */
export type Closed = 'tenant_suspended' | 'key_disabled' | 'key_revoked' | 'key_expired';

export interface AccountDirectory {
  /** Undefined for a key that does not exist; throws an OmgError where that cannot be found out. */
  resolve: (digest: Buffer) => Promise<ResolvedKey | undefined>;
}

export interface ResolvedKey {
  readonly account: Account;
  readonly closed: Closed | undefined;
  readonly ttlMs: number;
}

/** The prices of this site that count now. */
export interface PriceTable {
  /** Undefined where nobody has stated one. */
  priceOf: (model: string) => { readonly version: string; readonly price: Price } | undefined;
}

/** The client's side of a request. */
export interface ClientSink {
  /** An answer that is whole. */
  answer: (status: number, headers: RawHeaders, body: Uint8Array) => void;
  begin: (status: number, headers: RawHeaders) => void;
  /** Resolves when the client can take more. */
  write: (bytes: Uint8Array) => Promise<void>;
  end: () => void;
  /** Sends the last bytes and then breaks the connection off, so that nobody takes the answer for whole. */
  breakOff: (last: Uint8Array) => Promise<void>;
}

/** What was taken of the account's quotas for a request. */
export interface AllowanceRecord {
  /** The request's number among those that were admitted of the account's partition. */
  readonly opened: number;
  readonly tokens: number;
  readonly money: readonly MoneyReserve[];
}

export interface MoneyReserve {
  readonly of: 'credit' | 'tenant_budget' | 'key_budget';
  readonly bucket: string;
  readonly nanoUsd: number;
}

/** What the journal keeps of a request from before it is forwarded. */
export interface OpenedRequest {
  readonly requestId: string;
  readonly account: AccountRef;
  readonly dialect: Dialect;
  readonly stream: boolean;
  readonly model: string;
  readonly upstreamModel: string;
  readonly acceptedAt: Date;
  readonly keyId: string;
  readonly bodyBytes: number;
  readonly clientRequestId: string;
  readonly traceParent: string;
  readonly priceVersion: string;
  readonly allowance: AllowanceRecord;
}

/** Disjoint counts. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

/** What an open request has delivered, and by which attempt. */
export interface Progress {
  readonly tokens: Tokens;
  /** The key that is in use; empty between two attempts. */
  readonly keyId: string;
  /** What the provider calls the attempt; empty until it has answered. */
  readonly providerRequestId: string;
  /** The attempts before it. */
  readonly failed: readonly AttemptReport[];
}

export type UsageSource = 'provider' | 'counted' | 'estimated' | 'none';

export interface AttemptReport {
  readonly keyId: string;
  readonly proxyId: string;
  readonly endpoint: string;
  /** 0 when there was no answer. */
  readonly statusCode: number;
  /** Empty when it did not fail. */
  readonly cause: string;
  readonly providerRequestId: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly leaseGeneration: bigint;
}

/** What became of a request. */
export interface SettledRequest extends OpenedRequest {
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
  readonly statusCode: number;
  readonly success: boolean;
  readonly finishReason: string;
  readonly abortReason: string;
  readonly tokens: Tokens;
  readonly usageSource: UsageSource;
  /** What it costs by the price that it names. */
  readonly costNanoUsd: number;
  readonly attempts: readonly AttemptReport[];
}

/** Where every request that is forwarded is written down, and from where it reaches the ledger. */
export interface Outbox {
  /** Throws an OmgError where nothing can be written down: then nothing may be forwarded. */
  opened: (request: OpenedRequest) => void;
  /**
   * What is to be in the books of an open request in case this process dies; where it cannot be written, the request
   * goes on.
   */
  progress: (requestId: string, progress: Progress) => void;
  /** The number of the request's event among those of this process and the account's partition. */
  settled: (request: SettledRequest) => number;
}
