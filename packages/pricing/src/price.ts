import { divideHalfUp } from './money.ts';
import { wholeInput, type Tokens } from './tokens.ts';

/** Nano-USD per million tokens. */
export interface Rates {
  readonly input: bigint;
  readonly output: bigint;
  readonly cacheWrite5m: bigint;
  readonly cacheWrite1h: bigint;
  readonly cacheRead: bigint;
}

export interface Price {
  readonly rates: Rates;
  /** Other rates above an input length; in rising order. */
  readonly tiers: readonly (Rates & { readonly aboveInputTokens: bigint })[];
  /** Of each request that used anything, in nano-USD. Absent: nothing. */
  readonly perRequest?: bigint;
  /** Billionths: 1,050,000,000 is 1.05. */
  readonly multiplierNano: bigint;
}

const TOKENS_PER_RATE = 1_000_000n;
const NANO = 1_000_000_000n;

/** What a request costs, in nano-USD, rounded once. */
export function costNanoUsd(tokens: Tokens, price: Price): bigint {
  const input = wholeInput(tokens);
  // what delivered nothing costs nothing
  if (input + tokens.output === 0n) return 0n;
  const rates = price.tiers.findLast((tier) => input > tier.aboveInputTokens) ?? price.rates;
  const perMillion =
    tokens.input * rates.input +
    tokens.output * rates.output +
    tokens.cacheWrite5m * rates.cacheWrite5m +
    tokens.cacheWrite1h * rates.cacheWrite1h +
    tokens.cacheRead * rates.cacheRead +
    (price.perRequest ?? 0n) * TOKENS_PER_RATE;
  return divideHalfUp(perMillion * price.multiplierNano, TOKENS_PER_RATE * NANO);
}
