import { Timestamp } from 'mongodb';
import { budgetsSpentOf } from '../domain/charge.ts';
import type { Tokens } from '@omg/pricing';
import type { Purse } from '../domain/credits.ts';
import type { Attempt, ChargedRequest, UsageRecord, UsageSource } from '../domain/usage-record.ts';

const NANO_PER_USD = 1e9;

/** A document of `request_logs`. The first names are those that readers of older systems know. */
export interface RequestLogDocument {
  readonly _id: string;
  readonly userId: string;
  readonly userKeyId: string;
  /** The upstream key of the last attempt. */
  readonly factoryKeyId: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheHitTokens: number;
  readonly tokensUsed: number;
  /** USD, rounded as doubles are; `costNanoUsd` is what counts. */
  readonly creditsCost: number;
  readonly costNanoUsd: bigint;
  /** Absent in logs from before it was kept. */
  readonly creditType?: Purse;
  readonly statusCode: number;
  readonly latencyMs: number;
  readonly isSuccess: boolean;
  readonly createdAt: Date;

  readonly tenantId: string;
  readonly site: string;
  readonly provider: string;
  readonly upstreamModel: string;
  readonly dialect: UsageRecord['dialect'];
  readonly stream: boolean;
  readonly cacheWrite1hTokens: number;
  readonly usageSource: UsageSource;
  readonly firstTokenMs?: number;
  readonly finishReason: string;
  readonly abortReason: string;
  readonly attempts: readonly Attempt[];
  readonly clientRequestId: string;
  readonly traceParent: string;
  readonly priceVersion: string;
  readonly entryId: string;
  /** What was spent of with it: `tenant|<bucket>`, `key|<bucket>`. */
  readonly budgets?: readonly string[];
  readonly epoch: string;
  readonly partition: number;
  readonly number: bigint;
  readonly chargedAt: Date;
  /**
   * The place in the charged log: the server gives it its clock's next tick when the document is inserted. Transactions of
   * a partition follow each other (its fence sees to that), so within a partition it rises from one charge to the next,
   * and nothing appears behind what was read. That holds over a change of the primary, and where a fence was lost.
   */
  readonly chargeOrder: Timestamp;
}

/** To be replaced by the server. */
const NEXT_TICK = Timestamp.fromBits(0, 0);

export function toRequestLogDocument(request: ChargedRequest): RequestLogDocument {
  const { record, costNanoUsd, creditType, priceVersion, entryId, chargedAt } = request;
  const { requestId, tenantName, clientKeyId, acceptedAt, success, tokens, firstTokenMs, ...rest } = record;
  const { namedPrice: _namedPrice, allowance: _allowance, ...same } = rest;
  const budgets = budgetsSpentOf(record).map(({ of, bucket }) => `${of}|${bucket}`);
  return {
    ...same,
    _id: requestId,
    userId: tenantName,
    userKeyId: clientKeyId,
    factoryKeyId: record.attempts.at(-1)?.keyId ?? '',
    inputTokens: Number(tokens.input),
    outputTokens: Number(tokens.output),
    cacheWriteTokens: Number(tokens.cacheWrite5m + tokens.cacheWrite1h),
    cacheWrite1hTokens: Number(tokens.cacheWrite1h),
    cacheHitTokens: Number(tokens.cacheRead),
    tokensUsed: Number(tokens.input + tokens.output),
    creditsCost: Number(costNanoUsd) / NANO_PER_USD,
    isSuccess: success,
    createdAt: acceptedAt,
    ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
    costNanoUsd,
    creditType,
    priceVersion,
    entryId,
    ...(budgets.length === 0 ? {} : { budgets }),
    chargedAt,
    chargeOrder: NEXT_TICK,
  };
}

/** The disjoint counts of a log. */
export function tokensOf(document: RequestLogDocument): Tokens {
  const cacheWrite1h = BigInt(document.cacheWrite1hTokens);
  return {
    input: BigInt(document.inputTokens),
    output: BigInt(document.outputTokens),
    cacheWrite5m: BigInt(document.cacheWriteTokens) - cacheWrite1h,
    cacheWrite1h,
    cacheRead: BigInt(document.cacheHitTokens),
  };
}

export function fromRequestLogDocument(document: RequestLogDocument): ChargedRequest {
  return {
    record: {
      requestId: document._id,
      epoch: document.epoch,
      partition: document.partition,
      number: document.number,
      site: document.site,
      provider: document.provider,
      tenantId: document.tenantId,
      tenantName: document.userId,
      clientKeyId: document.userKeyId,
      dialect: document.dialect,
      stream: document.stream,
      model: document.model,
      upstreamModel: document.upstreamModel,
      acceptedAt: document.createdAt,
      latencyMs: document.latencyMs,
      firstTokenMs: document.firstTokenMs,
      statusCode: document.statusCode,
      success: document.isSuccess,
      finishReason: document.finishReason,
      abortReason: document.abortReason,
      tokens: tokensOf(document),
      usageSource: document.usageSource,
      attempts: document.attempts,
      clientRequestId: document.clientRequestId,
      traceParent: document.traceParent,
      namedPrice: document.priceVersion,
      allowance: undefined,
    },
    costNanoUsd: document.costNanoUsd,
    creditType: document.creditType ?? 'credits',
    priceVersion: document.priceVersion,
    entryId: document.entryId,
    chargedAt: document.chargedAt,
  };
}
