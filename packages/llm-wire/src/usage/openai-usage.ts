import { countMember, objectMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { UsageFault, UsageReport } from './token-buckets.ts';

/** The numbers of one `usage` object; undefined where it has none. */
export interface OpenAiUsage {
  readonly prompt: number | undefined;
  readonly completion: number | undefined;
  readonly total: number | undefined;
  readonly cached: number | undefined;
  readonly cacheWrite: number | undefined;
}

export function parseOpenAiUsage(usage: JsonObject): OpenAiUsage {
  const details = objectMember(usage, 'prompt_tokens_details');
  return {
    prompt: countMember(usage, 'prompt_tokens'),
    completion: countMember(usage, 'completion_tokens'),
    total: countMember(usage, 'total_tokens'),
    // LiteLLM puts the numbers of Anthropic models beside OpenAI's, DeepSeek has a name of its own.
    cached:
      countMember(details, 'cached_tokens') ??
      countMember(usage, 'cache_read_input_tokens') ??
      countMember(usage, 'prompt_cache_hit_tokens'),
    cacheWrite:
      countMember(details, 'cache_write_tokens') ??
      countMember(details, 'cache_creation_tokens') ??
      countMember(usage, 'cache_creation_input_tokens'),
  };
}

/** Some upstreams send usage more than once: what is known later wins. */
export function mergeOpenAiUsage(earlier: OpenAiUsage | undefined, later: OpenAiUsage): OpenAiUsage {
  if (earlier === undefined) return later;
  return {
    prompt: later.prompt ?? earlier.prompt,
    completion: later.completion ?? earlier.completion,
    total: later.total ?? earlier.total,
    cached: later.cached ?? earlier.cached,
    cacheWrite: later.cacheWrite ?? earlier.cacheWrite,
  };
}

/** Takes the cached tokens out of the prompt they are part of. Undefined where there are no numbers at all. */
export function openAiUsageReport(usage: OpenAiUsage | undefined): UsageReport | undefined {
  if (usage === undefined || (usage.prompt === undefined && usage.completion === undefined)) return undefined;
  const faults: UsageFault[] = [];
  if (usage.prompt === undefined) faults.push('input_missing');
  if (usage.completion === undefined) faults.push('output_missing');
  const prompt = usage.prompt ?? 0;
  const output = usage.completion ?? 0;
  const cacheRead = usage.cached ?? 0;
  const cacheWrite = usage.cacheWrite ?? 0;
  const cached = cacheRead + cacheWrite;

  let input = prompt - cached;
  let inputSum = prompt;
  if (input < 0) {
    faults.push('cached_exceeds_prompt');
    // Either an upstream that counts them apart from the prompt, which its total then shows, or nonsense.
    const apart = usage.total === prompt + cached + output;
    input = apart ? prompt : 0;
    inputSum = apart ? prompt + cached : prompt;
  }
  if (usage.total !== undefined && usage.total !== inputSum + output) faults.push('total_mismatch');
  const tokens = { input, output, cacheWrite5m: cacheWrite, cacheWrite1h: 0, cacheRead };
  return { tokens, parts: [{ model: undefined, tokens }], final: usage.completion !== undefined, faults };
}
