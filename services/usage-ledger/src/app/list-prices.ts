import { costNanoUsd } from '@omg/pricing';
import type { PriceVersion } from '../domain/price-book.ts';
import type { Tokens } from '@omg/pricing';
import type { PriceStore } from './ports.ts';

const NO_MULTIPLIER = 1_000_000_000n;

/** What requests would have cost without the multiplier, at the version of the price that they were charged by. */
export class ListPrices {
  readonly #store: Pick<PriceStore, 'all'>;
  #versions: ReadonlyMap<string, PriceVersion> = new Map();

  constructor(store: Pick<PriceStore, 'all'>) {
    this.#store = store;
  }

  /** Has these versions at hand when it resolves; throws where one of them does not exist. */
  async load(wanted: Iterable<string>): Promise<void> {
    const names = new Set(wanted);
    if (names.isSubsetOf(this.#versions)) return;
    this.#versions = new Map((await this.#store.all()).map((version) => [version.version, version]));
    const missing = names.difference(this.#versions);
    if (missing.size > 0) throw new RangeError(`there is no price ${[...missing].join(', ')}, and logs name it`);
  }

  costNanoUsd(tokens: Tokens, version: string): bigint {
    const found = this.#versions.get(version);
    if (found === undefined) throw new RangeError(`the price ${version} was not loaded`);
    return costNanoUsd(tokens, { ...found.price, multiplierNano: NO_MULTIPLIER });
  }
}
