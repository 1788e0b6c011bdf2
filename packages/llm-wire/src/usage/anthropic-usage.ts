import { arrayMember, countMember, isJsonObject, objectMember, textMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { inputTotal, sumOfBuckets } from './token-buckets.ts';
import type { TokenBuckets, UsageFault, UsagePart, UsageReport } from './token-buckets.ts';

/** The numbers of one `usage` object or of one iteration; undefined where it has none. */
interface AnthropicCounts {
  readonly model: string | undefined;
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly cacheWrite: number | undefined;
  readonly cacheWrite5m: number | undefined;
  readonly cacheWrite1h: number | undefined;
  readonly cacheRead: number | undefined;
}

export interface AnthropicUsage extends AnthropicCounts {
  readonly iterations: readonly AnthropicCounts[];
}

export function parseAnthropicUsage(usage: JsonObject): AnthropicUsage {
  return { ...parseCounts(usage), iterations: arrayMember(usage, 'iterations').filter(isJsonObject).map(parseCounts) };
}

function parseCounts(usage: JsonObject): AnthropicCounts {
  const split = objectMember(usage, 'cache_creation');
  return {
    model: textMember(usage, 'model'),
    input: countMember(usage, 'input_tokens'),
    output: countMember(usage, 'output_tokens'),
    cacheWrite: countMember(usage, 'cache_creation_input_tokens'),
    cacheWrite5m: countMember(split, 'ephemeral_5m_input_tokens'),
    cacheWrite1h: countMember(split, 'ephemeral_1h_input_tokens'),
    cacheRead: countMember(usage, 'cache_read_input_tokens'),
  };
}

/** Each number of `message_delta` stands, zero included; an absent one falls back to the earlier event's. */
export function mergeAnthropicUsage(earlier: AnthropicUsage | undefined, later: AnthropicUsage): AnthropicUsage {
  if (earlier === undefined) return later;
  return {
    model: undefined,
    input: later.input ?? earlier.input,
    output: later.output ?? earlier.output,
    cacheWrite: later.cacheWrite ?? earlier.cacheWrite,
    cacheWrite5m: later.cacheWrite5m ?? earlier.cacheWrite5m,
    cacheWrite1h: later.cacheWrite1h ?? earlier.cacheWrite1h,
    cacheRead: later.cacheRead ?? earlier.cacheRead,
    iterations: later.iterations.length > 0 ? later.iterations : earlier.iterations,
  };
}

/**
 * What is charged: the sum over the iterations where there are any, else the totals. Undefined where there are no
 * numbers at all.
 *
 * @param final whether the output was counted at the end
 */
export function anthropicUsageReport(usage: AnthropicUsage | undefined, final: boolean): UsageReport | undefined {
  if (usage === undefined) return undefined;
  if (usage.input === undefined && usage.output === undefined && usage.iterations.length === 0) return undefined;
  const faults: UsageFault[] = [];
  const totals = toBuckets(usage, usage);
  if (usage.iterations.length === 0) {
    if (usage.input === undefined) faults.push('input_missing');
    if (usage.output === undefined) faults.push('output_missing');
    // Only `message_start` tells the lifetimes apart, and the total may have grown since.
    if (splitSum(usage) > totals.cacheWrite5m + totals.cacheWrite1h) faults.push('cache_write_split_mismatch');
    return { tokens: totals, parts: [{ model: undefined, tokens: totals }], final, faults };
  }
  const parts: UsagePart[] = usage.iterations.map((one) => ({ model: one.model, tokens: toBuckets(one, usage) }));
  const tokens = sumOfBuckets(parts);
  if (tokens.output < totals.output || inputTotal(tokens) < inputTotal(totals)) faults.push('iterations_below_total');
  return { tokens, parts, final, faults };
}

function toBuckets(usage: AnthropicCounts, whole: AnthropicCounts): TokenBuckets {
  const cacheWrite = usage.cacheWrite ?? splitSum(usage);
  const cacheWrite1h = oneHourPart(cacheWrite, splitSum(usage) > 0 ? usage : whole);
  return {
    input: usage.input ?? 0,
    output: usage.output ?? 0,
    cacheWrite5m: cacheWrite - cacheWrite1h,
    cacheWrite1h,
    cacheRead: usage.cacheRead ?? 0,
  };
}

/** Where all that is known was written for an hour, so was what came later; else what came later has the default, 5 min. */
function oneHourPart(cacheWrite: number, split: AnthropicCounts): number {
  const known1h = split.cacheWrite1h ?? 0;
  if (known1h > 0 && (split.cacheWrite5m ?? 0) === 0) return cacheWrite;
  return Math.min(cacheWrite, known1h);
}

function splitSum(usage: AnthropicCounts): number {
  return (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0);
}
