/** Tokens in disjoint buckets: the whole input is input + cacheWrite5m + cacheWrite1h + cacheRead. */
export interface TokenBuckets {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

/** What of the provider's numbers does not fit together; they are charged all the same, and someone should look. */
export type UsageFault =
  | 'input_missing'
  | 'output_missing'
  | 'cached_exceeds_prompt'
  | 'total_mismatch'
  | 'cache_write_split_mismatch'
  | 'iterations_below_total';

/** Tokens at one model's price. */
export interface UsagePart {
  /** Undefined: the model of the request. */
  readonly model: string | undefined;
  readonly tokens: TokenBuckets;
}

/** The provider's own numbers. */
export interface UsageReport {
  /** The sum over all parts. */
  readonly tokens: TokenBuckets;
  readonly parts: readonly UsagePart[];
  /** The count of output is the last one, not that of the head of a stream. */
  readonly final: boolean;
  readonly faults: readonly UsageFault[];
}

export function sumOfBuckets(parts: readonly UsagePart[]): TokenBuckets {
  const sum = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
  for (const { tokens } of parts) {
    sum.input += tokens.input;
    sum.output += tokens.output;
    sum.cacheWrite5m += tokens.cacheWrite5m;
    sum.cacheWrite1h += tokens.cacheWrite1h;
    sum.cacheRead += tokens.cacheRead;
  }
  return sum;
}

export function inputTotal(tokens: TokenBuckets): number {
  return tokens.input + tokens.cacheWrite5m + tokens.cacheWrite1h + tokens.cacheRead;
}
