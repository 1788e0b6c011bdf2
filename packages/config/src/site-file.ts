import { z } from 'zod';
import { readDataFile } from './data-file.ts';

/** A decimal number of 0 or more; text keeps what a double would round. */
const Decimal = z
  .union([z.string().regex(/^\d{1,9}(\.\d{1,9})?$/, 'must be a decimal number such as 3.75'), z.number().nonnegative()])
  .transform(String)
  .refine((text) => /^\d{1,9}(\.\d{1,9})?$/.test(text), 'must have at most 9 decimals');

/** USD per million tokens. */
const rates = {
  input: Decimal,
  output: Decimal,
  cacheWrite5m: Decimal,
  cacheWrite1h: Decimal,
  cacheRead: Decimal,
};

const Price = z.strictObject({
  ...rates,
  /** Other rates for requests whose whole input is larger than this. */
  /** USD of each request that used anything. */
  perRequest: Decimal.default('0'),
  tiers: z.array(z.strictObject({ aboveInputTokens: z.int().positive(), ...rates })).default([]),
});

const Model = z.strictObject({
  /** What clients ask for. */
  id: z.string().min(1),
  aliases: z.array(z.string().min(1)).default([]),
  /** What the upstream calls it. */
  upstream: z.string().min(1),
  price: Price,
  multiplier: Decimal.default('1'),
});

const DurationMs = z.int().positive();

const Deadlines = z.strictObject({
  connectMs: DurationMs.default(5_000),
  headersMs: DurationMs.default(60_000),
  headersNotStreamingMs: DurationMs.default(280_000),
  idleMs: DurationMs.default(30_000),
  totalMs: DurationMs.default(3_600_000),
  totalNotStreamingMs: DurationMs.default(300_000),
});

export const SiteFileSchema = z
  .strictObject({
    site: z.string().regex(/^[a-z][a-z0-9-]*$/),
    provider: z.string().regex(/^[a-z][a-z0-9_-]*$/),
    port: z.int().min(1).max(65_535),
    maxBodyBytes: z
      .int()
      .positive()
      .default(32 * 1024 * 1024),
    deadlines: Deadlines.prefault({}),
    models: z.array(Model).min(1),
  })
  .superRefine(({ models }, context) => {
    const seen = new Set<string>();
    for (const name of models.flatMap(({ id, aliases }) => [id, ...aliases])) {
      if (seen.has(name))
        context.addIssue({ code: 'custom', path: ['models'], message: `two models are called ${name}` });
      seen.add(name);
    }
  });

/** What routers of one site serve and what it costs there; usage-ledger reads the same files for the prices. */
export type SiteFile = z.output<typeof SiteFileSchema>;
export type SiteModel = SiteFile['models'][number];

/** Throws a ConfigError that names every fault. */
export function readSiteFile(path: string): SiteFile {
  return readDataFile(path, SiteFileSchema);
}
