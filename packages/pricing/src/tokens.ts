/** Disjoint counts of one request. */
export interface Tokens {
  readonly input: bigint;
  readonly output: bigint;
  readonly cacheWrite5m: bigint;
  readonly cacheWrite1h: bigint;
  readonly cacheRead: bigint;
}

export const NO_TOKENS: Tokens = { input: 0n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };

export function wholeInput(tokens: Tokens): bigint {
  return tokens.input + tokens.cacheWrite5m + tokens.cacheWrite1h + tokens.cacheRead;
}
