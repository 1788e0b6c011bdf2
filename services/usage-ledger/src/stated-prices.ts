import { readSiteFile, type SiteFile } from '@omg/config';
import type { StatedPrice } from './app/update-prices.ts';
import { DEFAULT_BOUNDS, parseNano } from '@omg/pricing';
import type { Price, Rates } from '@omg/pricing';

/** The prices that a site file states, its models' own or its default; throws a ConfigError that names every fault. */
export function readStatedPrices(path: string): readonly StatedPrice[] {
  const { site, models, defaultPrice } = readSiteFile(path);
  return models.map(({ id, upstream, price, multiplier = '1', contextWindow, maxOutputTokens }) => {
    const stated = price === undefined ? defaultPrice : { ...price, multiplier };
    return {
      site,
      model: id,
      upstream,
      price: stated === undefined ? undefined : toPrice(stated),
      bounds: {
        contextWindow: contextWindow ?? DEFAULT_BOUNDS.contextWindow,
        maxOutputTokens: maxOutputTokens ?? DEFAULT_BOUNDS.maxOutputTokens,
      },
    };
  });
}

function toPrice({ tiers, perRequest, multiplier, ...rates }: NonNullable<SiteFile['defaultPrice']>): Price {
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
