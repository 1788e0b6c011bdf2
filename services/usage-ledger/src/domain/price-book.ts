import type { Price } from '@omg/pricing';

/** A price from a day on; never changed, only followed by another. */
export interface PriceVersion {
  readonly version: string;
  readonly site: string;
  readonly model: string;
  readonly validFrom: Date;
  readonly price: Price;
}

/** What the upstream calls a model of a site. */
export interface UpstreamName {
  readonly site: string;
  readonly model: string;
  readonly upstream: string;
}

/** All price versions, by site and model. */
export class PriceBook {
  readonly #versions: ReadonlyMap<string, readonly PriceVersion[]>;
  /** Of models that the upstream calls the same, the first one's. */
  readonly #byUpstream = new Map<string, string>();

  constructor(versions: readonly PriceVersion[], names: readonly UpstreamName[] = []) {
    const rising = versions.toSorted((a, b) => a.validFrom.getTime() - b.validFrom.getTime());
    this.#versions = Map.groupBy(rising, ({ site, model }) => keyOf(site, model));
    for (const { site, model, upstream } of names) {
      this.#byUpstream.getOrInsert(keyOf(site, upstream), keyOf(site, model));
    }
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
    return [...this.#versions.values()]
      .flatMap((versions) => versions.at(-1) ?? [])
      .filter((version) => version.site === site);
  }

  latest(site: string, model: string): PriceVersion | undefined {
    return this.#versions.get(keyOf(site, model))?.at(-1);
  }
}

function keyOf(site: string, model: string): string {
  return `${site}/${model}`;
}
