import type { Tokens } from '@omg/pricing';
import type { Purse } from './credits.ts';

/** Where the numbers of tokens come from; `none` where nothing was delivered. */
export type UsageSource = 'provider' | 'counted' | 'estimated' | 'none';

/** One try of a request upstream. */
export interface Attempt {
  readonly keyId: string;
  readonly proxyId: string;
  readonly endpoint: string;
  /** 0 when there was no answer. */
  readonly statusCode: number;
  readonly cause: string;
  readonly providerRequestId: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly leaseGeneration: bigint;
}

/** What a router or an internal service reported of one request. */
export interface UsageRecord {
  readonly requestId: string;
  /** Where the event was numbered: the router's run, the account's partition, the number there. */
  readonly epoch: string;
  readonly partition: number;
  readonly number: bigint;
  readonly site: string;
  readonly provider: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly clientKeyId: string;
  /** Unspecified only where an internal service has reported it. */
  readonly dialect: 'openai' | 'anthropic' | 'unspecified';
  readonly stream: boolean;
  readonly model: string;
  readonly upstreamModel: string;
  readonly acceptedAt: Date;
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
  readonly statusCode: number;
  readonly success: boolean;
  readonly finishReason: string;
  readonly abortReason: string;
  readonly tokens: Tokens;
  readonly usageSource: UsageSource;
  readonly attempts: readonly Attempt[];
  readonly clientRequestId: string;
  readonly traceParent: string;
  /** The price by which the router reckoned; empty: the one that counted when the request was accepted. */
  readonly namedPrice: string;
  readonly allowance: UsedAllowance | undefined;
}

/** What a router took of the account's quotas for the request. */
export interface UsedAllowance {
  /** The request's number among those that the router admitted in the partition. */
  readonly opened: number;
  readonly tokens: number;
  readonly money: readonly ReservedMoney[];
}

/** Money that the router keeps for the request until its charge. */
export interface ReservedMoney {
  readonly of: 'credit' | 'tenant_budget' | 'key_budget';
  /** What of a budget the cost counts in. */
  readonly bucket: string;
  readonly nanoUsd: number;
}

/** An event as it came: a record, or why it is none. */
export interface ReceivedEvent {
  /** Where it was numbered; undefined where that cannot be read. */
  readonly numbered: { readonly epoch: string; readonly number: bigint } | undefined;
  readonly content: UsageRecord | { readonly fault: string };
  /** The event's bytes, or those of the whole message where it has no events. */
  readonly payload: () => Uint8Array;
}

/** A request with its price. */
export interface ChargedRequest {
  readonly record: UsageRecord;
  readonly costNanoUsd: bigint;
  /** The purse that its first nano-dollar came from. */
  readonly creditType: Purse;
  readonly priceVersion: string;
  /** The entry in the account's books that this cost is part of. */
  readonly entryId: string;
  readonly chargedAt: Date;
}
