import { isDeepStrictEqual } from 'node:util';
import { worstCaseNanoUsd, type ModelBounds, type Price } from '@omg/pricing';
import { PriceBook, type PriceVersion, type StatedModel } from '../domain/price-book.ts';
import type { Clock, PriceStore } from './ports.ts';

/** A price as a site file states it. */
export interface StatedPrice extends StatedModel {
  /** Undefined: neither the model nor its site has one. */
  readonly price: Price | undefined;
  readonly bounds: ModelBounds;
}

/** What one request can cost at most, of the dearest of these models. */
export function dearestRequestNanoUsd(stated: readonly StatedPrice[]): bigint {
  return stated.reduce((most, { price, bounds }) => {
    if (price === undefined) return most;
    const worst = worstCaseNanoUsd(price, { input: bounds.contextWindow, output: bounds.maxOutputTokens });
    return worst > most ? worst : most;
  }, 0n);
}

export interface UpdatePricesDeps {
  readonly store: PriceStore;
  readonly clock: Clock;
}

/** Appends a version for each price that is new or changed, and returns the book with all of them. */
export function makeUpdatePrices(deps: UpdatePricesDeps): (stated: readonly StatedPrice[]) => Promise<PriceBook> {
  return async (stated) => {
    const known = await deps.store.all();
    const book = new PriceBook(known);
    const validFrom = deps.clock.now();
    const changed = stated.flatMap(({ site, model, price }): PriceVersion[] => {
      if (price === undefined) return [];
      const latest = book.latest(site, model);
      if (latest !== undefined && isDeepStrictEqual(latest.price, price)) return [];
      const count = known.filter((version) => version.site === site && version.model === model).length;
      return [{ version: `${site}/${model}@${count + 1}`, site, model, validFrom, price }];
    });
    await deps.store.append(changed);
    return new PriceBook(changed.length === 0 ? known : await deps.store.all(), stated);
  };
}
