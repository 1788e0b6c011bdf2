import { sumOfIterations } from './generation.ts';
import type { Iteration } from './generation.ts';
import type { Scenario } from './scenario.ts';
import type { Tokens } from './tokens.ts';

type Json = Record<string, unknown>;

/** The usage of message_start, before the scenario's own overrides. */
export function anthropicStartUsage(scenario: Scenario, tokens: Tokens, output: number): Json {
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read_input_tokens: tokens.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite5m,
      ephemeral_1h_input_tokens: tokens.cacheWrite1h,
    },
    output_tokens: output,
    service_tier: scenario.serviceTier ?? 'standard',
  };
}

/** The usage of message_delta: the same totals without the split of the cache writes. */
export function anthropicDeltaUsage(scenario: Scenario, tokens: Tokens, iterations: readonly Iteration[]): Json {
  if (scenario.usage === 'delta-output-only') return { output_tokens: tokens.output };
  return {
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read_input_tokens: tokens.cacheRead,
    output_tokens: tokens.output,
    ...(iterations.length === 0 ? {} : { iterations: iterations.map(iterationUsage) }),
  };
}

function iterationUsage({ type, model, tokens }: Iteration): Json {
  return {
    type,
    ...(model === undefined ? {} : { model }),
    input_tokens: tokens.input,
    cache_creation_input_tokens: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read_input_tokens: tokens.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite5m,
      ephemeral_1h_input_tokens: tokens.cacheWrite1h,
    },
    output_tokens: tokens.output,
  };
}

/**
 * What these usage objects say is charged: the iterations where there are any, else message_delta over
 * message_start, field by field. Written from the vendor's rule, and on purpose apart from the gateway's own reader.
 */
export function promisedBy(usages: readonly Json[], iterations: readonly Iteration[]): Tokens {
  if (usages.some((usage) => Object.hasOwn(usage, 'iterations'))) {
    return sumOfIterations(iterations);
  }
  const last = (field: string): number =>
    usages.map((usage) => usage[field]).reduce<number>((seen, value) => (typeof value === 'number' ? value : seen), 0);
  const cacheWrite = last('cache_creation_input_tokens');
  const cacheWrite1h = Math.min(cacheWrite, last1h(usages));
  return {
    input: last('input_tokens'),
    cacheWrite5m: cacheWrite - cacheWrite1h,
    cacheWrite1h,
    cacheRead: last('cache_read_input_tokens'),
    output: last('output_tokens'),
    reasoning: 0,
  };
}

function last1h(usages: readonly Json[]): number {
  const counts = usages.map((usage) => {
    const split = usage['cache_creation'];
    if (typeof split !== 'object' || split === null || !('ephemeral_1h_input_tokens' in split)) return null;
    return split.ephemeral_1h_input_tokens;
  });
  return counts.reduce<number>((seen, value) => (typeof value === 'number' ? value : seen), 0);
}
