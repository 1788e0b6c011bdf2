import { z } from 'zod';

const count = z.int().nonnegative();

/** Disjoint buckets, but for `reasoning`, which is a part of `output`. */
export const tokensSchema = z.strictObject({
  input: count,
  cacheWrite5m: count,
  cacheWrite1h: count,
  cacheRead: count,
  output: count,
  reasoning: count,
});

/** Counts that are not named are zero. */
export const sparseTokensSchema = z.strictObject({
  input: count.default(0),
  cacheWrite5m: count.default(0),
  cacheWrite1h: count.default(0),
  cacheRead: count.default(0),
  output: count.default(0),
  reasoning: count.default(0),
});

export type Tokens = z.output<typeof tokensSchema>;

export const NO_TOKENS: Tokens = {
  input: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  cacheRead: 0,
  output: 0,
  reasoning: 0,
};

export function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
    cacheRead: a.cacheRead + b.cacheRead,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
  };
}
