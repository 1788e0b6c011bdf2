import { costNanoUsd, worstCaseNanoUsd, type ModelBounds, type Price, type Tokens } from '@omg/pricing';
import type { UsualUse } from './usage-learner.ts';

/** What a request asks for, as far as it bounds what it can cost. */
export interface AskedFor {
  readonly bodyBytes: number;
  /** The most that one answer may have, where the request says so. */
  readonly maxOutputTokens: number | undefined;
  readonly choices: number;
  /** Its bytes do not bound its input: it names content that the upstream fetches, or lets it run tools. */
  readonly isUnbounded: boolean;
}

/** What is set aside for a request before it is forwarded. */
export interface Reservation {
  /** Of the tokens per minute. */
  readonly tokens: number;
  /** What it can cost at most. */
  readonly worstNanoUsd: number;
  /** What it will probably cost. */
  readonly typicalNanoUsd: number;
}

export function reserve(
  asked: AskedFor,
  { price, bounds, usual }: { readonly price: Price; readonly bounds: ModelBounds; readonly usual: UsualUse },
): Reservation {
  const { bodyBytes, choices } = asked;
  // a token is a byte at least
  const maxInput = asked.isUnbounded ? Math.max(bodyBytes, bounds.contextWindow) : bodyBytes;
  const most = maxOutput(asked, bounds);
  const input = Math.ceil(bodyBytes * usual.inputPerByte);
  const outputOf = (usually: number): number => Math.min(most, usually * choices);
  const worst = worstNanoUsd(price, maxInput, most);
  const typical = Number(costNanoUsd(toTokens(input, outputOf(usual.outputP50)), price));
  return {
    tokens: input + outputOf(usual.outputP90),
    worstNanoUsd: worst,
    typicalNanoUsd: Math.min(worst, typical),
  };
}

/** The most that all answers of a request may have together. */
export function maxOutput({ maxOutputTokens, choices }: AskedFor, bounds: ModelBounds): number {
  return (maxOutputTokens ?? bounds.maxOutputTokens) * choices;
}

/** How many tokens of output the money is enough for, beside the input at its worst. */
export function affordableOutput(
  asked: AskedFor,
  { price, bounds, nanoUsd }: { readonly price: Price; readonly bounds: ModelBounds; readonly nanoUsd: number },
): number {
  const maxInput = asked.isUnbounded ? Math.max(asked.bodyBytes, bounds.contextWindow) : asked.bodyBytes;
  let low = 0;
  let high = bounds.maxOutputTokens;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (worstNanoUsd(price, maxInput, middle * asked.choices) <= nanoUsd) low = middle;
    else high = middle - 1;
  }
  return low;
}

function worstNanoUsd(price: Price, input: number, output: number): number {
  return Number(worstCaseNanoUsd(price, { input, output }));
}

function toTokens(input: number, output: number): Tokens {
  return { input: BigInt(input), output: BigInt(output), cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };
}
