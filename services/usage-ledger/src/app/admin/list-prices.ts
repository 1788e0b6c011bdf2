import type { PriceVersion } from '../../domain/price-book.ts';
import type { AdminDeps } from './admin-deps.ts';

export interface ListPricesInput {
  readonly site: string | undefined;
  readonly model: string | undefined;
  readonly allVersions: boolean;
}

export interface PriceReport extends PriceVersion {
  /** Undefined: it counts now. */
  readonly until: Date | undefined;
}

/** By site and model, the oldest version first. */
export function makeListPrices(deps: AdminDeps): (input: ListPricesInput) => Promise<readonly PriceReport[]> {
  return async ({ site, model, allVersions }) => {
    const versions = (await deps.prices.all()).filter(
      (version) => (site ?? version.site) === version.site && (model ?? version.model) === version.model,
    );
    const byModel = Map.groupBy(versions, (version) => `${version.site}/${version.model}`);
    return [...byModel.keys()].toSorted().flatMap((name) => {
      const rising = (byModel.get(name) ?? []).toSorted((a, b) => a.validFrom.getTime() - b.validFrom.getTime());
      const reports = rising.map((version, index) => ({ ...version, until: rising[index + 1]?.validFrom }));
      return allVersions ? reports : reports.slice(-1);
    });
  };
}
