import type { GrpcClient } from '@omg/grpc';
import type { accountsV1, pricesV1 } from '@omg/proto-gen';
import type { Price, Rates } from '@omg/pricing';
import { repeat } from '@omg/service';
import type { PriceTable } from '../app/ports.ts';

export interface LivePricesOptions {
  readonly client: Pick<GrpcClient<accountsV1.AccountsService>, 'getPrices'>;
  readonly site: string;
  /** They are there, and so is the ledger; or why not. The old ones count meanwhile. */
  readonly onRead: (result: true | Error) => void;
}

/** Whatever was missed while nobody told. */
const EVERY_MS = 30_000;
const RETRY_MS = 250;

/** The site's prices as usage-ledger has them, read anew whenever it says that they have changed. */
export class LivePrices implements PriceTable, AsyncDisposable {
  readonly #options: LivePricesOptions;
  readonly #repeating: AsyncDisposable;
  #prices: ReadonlyMap<string, { readonly version: string; readonly price: Price }> = new Map();
  #reading: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: LivePricesOptions) {
    this.#options = options;
    this.#repeating = repeat(
      EVERY_MS,
      async () => await this.#read(),
      () => undefined,
    );
    this.refresh();
  }

  priceOf(model: string): { readonly version: string; readonly price: Price } | undefined {
    return this.#prices.get(model);
  }

  /** Soon; what is asked for while it reads is read after that. */
  refresh(): void {
    void this.#read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearTimeout(this.#retry);
    await this.#repeating[Symbol.asyncDispose]();
    await this.#reading;
  }

  async #read(): Promise<void> {
    await this.#reading;
    if (this.#isDisposed) return;
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readOnce(): Promise<void> {
    const { client, site, onRead } = this.#options;
    try {
      const { prices } = await client.getPrices({ site });
      this.#prices = new Map(prices.map((price) => [price.model, { version: price.version, price: toPrice(price) }]));
      onRead(true);
    } catch (error) {
      onRead(error instanceof Error ? error : new Error(String(error)));
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        this.refresh();
      }, RETRY_MS);
    }
  }
}

function toPrice({ rates, tiers, perRequestNanoUsd, multiplierNano }: pricesV1.PriceVersion): Price {
  return {
    rates: toRates(rates),
    tiers: tiers.map((tier) => ({ aboveInputTokens: tier.aboveInputTokens, ...toRates(tier.rates) })),
    perRequest: perRequestNanoUsd,
    multiplierNano,
  };
}

function toRates(rates: pricesV1.Rates | undefined): Rates {
  if (rates === undefined) throw new TypeError('usage-ledger told a price without rates');
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = rates;
  return { input, output, cacheWrite5m, cacheWrite1h, cacheRead };
}
