import type { RollupEntry } from '../src/domain/rollup-fold.ts';

/** How many there are of each, and how unevenly they are used: the first ones most. */
export interface Population {
  readonly tenants: number;
  readonly keysPerTenant: number;
  readonly upstreamKeys: number;
  readonly models: number;
}

const KINDS = ['rate_limited', 'upstream_error', 'client_gone', 'timeout'] as const;

/** Requests of one day, more of them by day than by night; the same for the same day. */
export function* requestsOfDay(
  { startMs, count }: { readonly startMs: number; readonly count: number },
  population: Population,
): Generator<RollupEntry> {
  const random = randomFrom(startMs / 86_400_000);
  for (let made = 0; made < count; made += 1) {
    const tenant = skewed(random(), population.tenants);
    const key = skewed(random(), population.keysPerTenant);
    const model = skewed(random(), population.models);
    const site = random() < 0.7 ? 'ohmygpt' : 'openhands';
    // the mean of two is a hill around the middle of the day; every minute has some
    const ofDay = random() < 0.3 ? random() : (random() + random()) / 2;
    const failed = random() < 0.03;
    const firstTokenMs = Math.round(200 + 1_500 * -Math.log(1 - random()));
    const output = Math.round(50 - 700 * Math.log(1 - random()));
    const cacheRead = Math.round(20_000 * random());
    const listCostNanoUsd = BigInt(output * 16_500 + cacheRead * 330 + 46_000);
    yield {
      acceptedAtMs: startMs + Math.floor(ofDay * 86_400_000),
      site,
      provider: site,
      model: `model-${model}`,
      tenantId: `tenant-${tenant}`,
      clientKeyId: `key-${tenant}-${key}`,
      upstreamKeyId: `upstream-${Math.floor(random() * population.upstreamKeys)}`,
      failure: failed ? (KINDS[Math.floor(random() * KINDS.length)] ?? '') : '',
      tokens: { input: Math.round(3_000 * random()), output, cacheWrite5m: 1_500, cacheWrite1h: 0, cacheRead },
      latencyMs: firstTokenMs + output * 12,
      firstTokenMs: failed ? undefined : firstTokenMs,
      costNanoUsd: (listCostNanoUsd * 105n) / 100n,
      listCostNanoUsd,
    };
  }
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
