import type { UsageRecord } from '../usage-record.ts';

/** A charged request, as far as the books say something of it in another place too. */
export interface AuditedLog {
  readonly requestId: string;
  readonly tenantId: string;
  readonly partition: number;
  readonly epoch: string;
  readonly number: bigint;
  readonly chargedAt: Date;
  readonly tokens: UsageRecord['tokens'];
  readonly tokensUsed: number;
  readonly costNanoUsd: bigint;
  /** The same in USD, as a double. */
  readonly creditsCost: number;
  readonly priceVersion: string;
  readonly entryId: string;
}
