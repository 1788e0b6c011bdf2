import { costNanoUsd, type Price, type Rates } from './price.ts';
import { NO_TOKENS, type Tokens } from './tokens.ts';

/** What a model can take and give at most. */
export interface ModelBounds {
  readonly maxOutputTokens: number;
  readonly contextWindow: number;
}

/** Where nobody says. */
export const DEFAULT_BOUNDS: ModelBounds = { maxOutputTokens: 64_000, contextWindow: 200_000 };

/** The dearest that so much input and output can be: of any kind of input, in any tier that it may reach. */
export function worstCaseNanoUsd(
  price: Price,
  { input, output }: { readonly input: number; readonly output: number },
): bigint {
  const tiers = [price.rates, ...price.tiers.filter(({ aboveInputTokens }) => BigInt(input) > aboveInputTokens)];
  const costs = tiers.map((rates) =>
    costNanoUsd(
      { ...NO_TOKENS, ...asDearest(rates, BigInt(input)), output: BigInt(output) },
      { ...price, rates, tiers: [] },
    ),
  );
  return costs.reduce((most, cost) => (cost > most ? cost : most), 0n);
}

function asDearest(rates: Rates, count: bigint): Partial<Tokens> {
  const kinds = ['input', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const;
  const dearest = kinds.reduce((most, kind) => (rates[kind] > rates[most] ? kind : most));
  return { [dearest]: count };
}
