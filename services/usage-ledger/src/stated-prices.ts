import { readSiteFile, type SiteFile } from '@omg/config';
import type { StatedPrice } from './app/update-prices.ts';
import { DEFAULT_BOUNDS, parseNano } from '@omg/pricing';
import type { Price, Rates } from '@omg/pricing';

/** The prices that a site file states; throws a ConfigError that names every fault. */
export function readStatedPrices(path: string): readonly StatedPrice[] {
  const { site, models } = readSiteFile(path);
  return models.map(({ id, upstream, price, multiplier, contextWindow, maxOutputTokens }) => ({
    site,
    model: id,
    upstream,
    price: toPrice(price, multiplier),
    bounds: {
      contextWindow: contextWindow ?? DEFAULT_BOUNDS.contextWindow,
      maxOutputTokens: maxOutputTokens ?? DEFAULT_BOUNDS.maxOutputTokens,
    },
  }));
}

function toPrice({ tiers, perRequest, ...rates }: SiteFile['models'][number]['price'], multiplier: string): Price {
  const perRequestNano = parseNano(perRequest);
  return {
    rates: toRates(rates),
    tiers: tiers
      .toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens)
      .map(({ aboveInputTokens, ...tierRates }) => ({
        aboveInputTokens: BigInt(aboveInputTokens),
        ...toRates(tierRates),
      })),
    // absent where it is nothing: versions from before it was known are the same then
    ...(perRequestNano === 0n ? {} : { perRequest: perRequestNano }),
    multiplierNano: parseNano(multiplier),
  };
}

function toRates(rates: Record<keyof Rates, string>): Rates {
  return {
    input: parseNano(rates.input),
    output: parseNano(rates.output),
    cacheWrite5m: parseNano(rates.cacheWrite5m),
    cacheWrite1h: parseNano(rates.cacheWrite1h),
    cacheRead: parseNano(rates.cacheRead),
  };
}
