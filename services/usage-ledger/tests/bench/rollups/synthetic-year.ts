import { costNanoUsd, type Price, type Tokens } from '@omg/pricing';
import type { PriceVersion } from '../../../src/domain/price-book.ts';
import type { RollupEntry } from '../../../src/domain/rollup-fold.ts';
import { DAY_MS } from '../../../src/domain/rollup-period.ts';
import { accountId } from '../synthetic-usage.ts';

export const YEAR = { startMs: Date.UTC(2025, 10, 20), endMs: Date.UTC(2026, 10, 20) } as const;
export const DAYS_OF_YEAR = (YEAR.endMs - YEAR.startMs) / DAY_MS;
/** The year is fixed, and the server forgets logs by its own clock. */
export const SERVER_RETENTION_MS = 50 * 366 * DAY_MS;
/** That many days are made up; the year repeats them. */
export const DIFFERENT_DAYS = 7;

/** How many there are of each, and how unevenly they are used: the first ones most. */
export interface Population {
  readonly tenants: number;
  readonly keysPerTenant: number;
  readonly upstreamKeys: number;
  readonly models: number;
}

export const POPULATION: Population = { tenants: 100, keysPerTenant: 4, upstreamKeys: 1_000, models: 7 };

const SITES = ['ohmygpt', 'openhands'] as const;
const KINDS = ['rate_limited', 'upstream_error', 'client_gone', 'timeout'] as const;
const modelName = (index: number): string => `model-${index}`;
export const clientKeyId = (tenant: number, key: number): string => `key-${tenant}-${key}`;

const PRICE: Price = {
  rates: {
    input: 3_300_000_000n,
    output: 16_500_000_000n,
    cacheWrite5m: 4_130_000_000n,
    cacheWrite1h: 6_600_000_000n,
    cacheRead: 330_000_000n,
  },
  tiers: [],
  multiplierNano: 1_050_000_000n,
};
const LIST_PRICE: Price = { ...PRICE, multiplierNano: 1_000_000_000n };
export const PRICES: readonly PriceVersion[] = SITES.flatMap((site) =>
  Array.from({ length: POPULATION.models }, (_, index) => {
    const model = modelName(index);
    return { version: `${site}/${model}@1`, site, model, validFrom: new Date(0), price: PRICE };
  }),
);

/** Requests of one day, more of them by day than by night; the same for the same day. */
export function* requestsOfDay(
  { startMs, count }: { readonly startMs: number; readonly count: number },
  population: Population,
): Generator<RollupEntry> {
  const random = randomFrom(startMs / DAY_MS);
  for (let made = 0; made < count; made += 1) {
    const tenant = skewed(random(), population.tenants);
    const key = skewed(random(), population.keysPerTenant);
    const model = skewed(random(), population.models);
    const site = random() < 0.7 ? SITES[0] : SITES[1];
    // the mean of two is a hill around the middle of the day; every minute has some
    const ofDay = random() < 0.3 ? random() : (random() + random()) / 2;
    const failed = random() < 0.03;
    const firstTokenMs = Math.round(200 + 1_500 * -Math.log(1 - random()));
    const output = Math.round(50 - 700 * Math.log(1 - random()));
    const cacheRead = Math.round(20_000 * random());
    const tokens = { input: Math.round(3_000 * random()), output, cacheWrite5m: 1_500, cacheWrite1h: 0, cacheRead };
    const charged = toTokens(tokens);
    yield {
      acceptedAtMs: startMs + Math.floor(ofDay * DAY_MS),
      site,
      provider: site,
      model: modelName(model),
      tenantId: accountId(tenant),
      clientKeyId: clientKeyId(tenant, key),
      upstreamKeyId: `upstream-${Math.floor(random() * population.upstreamKeys)}`,
      failure: failed ? (KINDS[Math.floor(random() * KINDS.length)] ?? '') : '',
      tokens,
      latencyMs: firstTokenMs + output * 12,
      firstTokenMs: failed ? undefined : firstTokenMs,
      costNanoUsd: costNanoUsd(charged, PRICE),
      listCostNanoUsd: costNanoUsd(charged, LIST_PRICE),
    };
  }
}

/** Every request of the year, day after day. */
export function* requestsOfYear(perDay: number): Generator<RollupEntry> {
  const different = Array.from({ length: DIFFERENT_DAYS }, (_, day) => [
    ...requestsOfDay({ startMs: YEAR.startMs + day * DAY_MS, count: perDay }, POPULATION),
  ]);
  for (let day = 0; day < DAYS_OF_YEAR; day += 1) {
    const laterMs = (day - (day % DIFFERENT_DAYS)) * DAY_MS;
    for (const entry of different[day % DIFFERENT_DAYS] ?? [])
      yield { ...entry, acceptedAtMs: entry.acceptedAtMs + laterMs };
  }
}

/** The counts as charging has them. */
export function toTokens({ input, output, cacheWrite5m, cacheWrite1h, cacheRead }: RollupEntry['tokens']): Tokens {
  return {
    input: BigInt(input),
    output: BigInt(output),
    cacheWrite5m: BigInt(cacheWrite5m),
    cacheWrite1h: BigInt(cacheWrite1h),
    cacheRead: BigInt(cacheRead),
  };
}

/** 0 to n - 1, the lower the likelier. */
function skewed(random: number, n: number): number {
  return Math.floor(n * random ** 2.5);
}

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
