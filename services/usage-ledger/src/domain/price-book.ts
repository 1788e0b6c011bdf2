import type { Price } from './price.ts';

/** A price from a day on; never changed, only followed by another. */
export interface PriceVersion {
  readonly version: string;
  readonly site: string;
  readonly model: string;
  readonly validFrom: Date;
  readonly price: Price;
}

/** All price versions, by site and model. */
export class PriceBook {
  readonly #versions: ReadonlyMap<string, readonly PriceVersion[]>;

  constructor(versions: readonly PriceVersion[]) {
    const rising = versions.toSorted((a, b) => a.validFrom.getTime() - b.validFrom.getTime());
    this.#versions = Map.groupBy(rising, ({ site, model }) => keyOf(site, model));
  }

  /** What was valid then; for a time before the first version, the first. */
  find(site: string, model: string, at: Date): PriceVersion | undefined {
    const versions = this.#versions.get(keyOf(site, model));
    return versions?.findLast(({ validFrom }) => validFrom <= at) ?? versions?.[0];
  }

  latest(site: string, model: string): PriceVersion | undefined {
    return this.#versions.get(keyOf(site, model))?.at(-1);
  }
}

function keyOf(site: string, model: string): string {
  return `${site}/${model}`;
}
