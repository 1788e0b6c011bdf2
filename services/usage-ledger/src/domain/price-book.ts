import type { Price } from '@omg/pricing';

/** A price from a day on; never changed, only followed by another. */
export interface PriceVersion {
  readonly version: string;
  readonly site: string;
  readonly model: string;
  readonly validFrom: Date;
  readonly price: Price;
}

/** A model that a site serves. */
export interface StatedModel {
  readonly site: string;
  readonly model: string;
  /** What the upstream calls it. */
  readonly upstream: string;
  /** Undefined: nobody may use it. */
  readonly price: Price | undefined;
}

/** All price versions, by site and model. */
export class PriceBook {
  readonly #versions: ReadonlyMap<string, readonly PriceVersion[]>;
  /** Of models that the upstream calls the same, the first one's. */
  readonly #byUpstream = new Map<string, string>();
  /** Models that are served and have no price, whatever they had before. */
  readonly unpriced: readonly StatedModel[];

  constructor(versions: readonly PriceVersion[], models: readonly StatedModel[] = []) {
    const rising = versions.toSorted((a, b) => a.validFrom.getTime() - b.validFrom.getTime());
    this.#versions = Map.groupBy(rising, ({ site, model }) => keyOf(site, model));
    for (const { site, model, upstream } of models) {
      this.#byUpstream.getOrInsert(keyOf(site, upstream), keyOf(site, model));
    }
    this.unpriced = models.filter(({ price }) => price === undefined);
  }

  /**
   * What was valid then; for a time before the first version, the first. A name that no model of the site has may be
   * the upstream's: internal services know no other.
   */
  find(site: string, model: string, at: Date): PriceVersion | undefined {
    const key = keyOf(site, model);
    const versions = this.#versions.get(key) ?? this.#versions.get(this.#byUpstream.get(key) ?? '');
    return versions?.findLast(({ validFrom }) => validFrom <= at) ?? versions?.[0];
  }

  /** The version that an event names, where it is one of that model; else what was valid then. */
  named(
    version: string,
    request: { readonly site: string; readonly model: string; readonly at: Date },
  ): PriceVersion | undefined {
    const { site, model, at } = request;
    const found =
      version === '' ? undefined : this.#versions.get(keyOf(site, model))?.find((known) => known.version === version);
    return found ?? this.find(site, model, at);
  }

  /** The versions that count at a site, one for each model. */
  current(site: string): readonly PriceVersion[] {
    const unpriced = new Set(this.unpriced.map((model) => keyOf(model.site, model.model)));
    return [...this.#versions.values()]
      .flatMap((versions) => versions.at(-1) ?? [])
      .filter((version) => version.site === site && !unpriced.has(keyOf(site, version.model)));
  }

  latest(site: string, model: string): PriceVersion | undefined {
    return this.#versions.get(keyOf(site, model))?.at(-1);
  }
}

function keyOf(site: string, model: string): string {
  return `${site}/${model}`;
}
