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
  /** USD of each request that used anything. */
  perRequest: Decimal.default('0'),
  /** Other rates for requests whose whole input is larger than this. */
  tiers: z.array(z.strictObject({ aboveInputTokens: z.int().positive(), ...rates })).default([]),
});

const Model = z.strictObject({
  /** What clients ask for. */
  id: z.string().min(1),
  aliases: z.array(z.string().min(1)).default([]),
  /** What the upstream calls it. */
  upstream: z.string().min(1),
  /** What people read. */
  displayName: z.string().min(1).exactOptional(),
  /** Tokens of input and output together. */
  contextWindow: z.int().positive().exactOptional(),
  maxOutputTokens: z.int().positive().exactOptional(),
  /** Absent: the site's default price. */
  price: Price.exactOptional(),
  multiplier: Decimal.exactOptional(),
});

/** Timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const DurationMs = z.int().positive().max(MAX_TIMER_MS);

const Deadlines = z.strictObject({
  connectMs: DurationMs.default(5_000),
  headersMs: DurationMs.default(60_000),
  headersNotStreamingMs: DurationMs.default(280_000),
  firstTokenMs: DurationMs.default(60_000),
  idleMs: DurationMs.default(30_000),
  totalMs: DurationMs.default(3_600_000),
  totalNotStreamingMs: DurationMs.default(300_000),
});

/** What is left out is the router's default. */
const Retry = z.strictObject({
  attempts: z.int().min(1).max(20).exactOptional(),
  attemptsPerRoute: z.int().min(1).max(20).exactOptional(),
  backoffMs: DurationMs.exactOptional(),
  maxBackoffMs: DurationMs.exactOptional(),
  maxWaitMs: DurationMs.exactOptional(),
  headHoldMs: z.int().nonnegative().max(MAX_TIMER_MS).exactOptional(),
  headHoldBytes: z.int().nonnegative().exactOptional(),
});

/** What becomes of an upstream's work whose client has left. */
const OnClientGone = z.strictObject({
  /** `cancel`: it ends at once; `drain`: it is read on for the provider's numbers, as far as the bounds allow. */
  policy: z.enum(['cancel', 'drain']).default('cancel'),
  maxMs: DurationMs.default(30_000),
  maxBytes: z
    .int()
    .positive()
    .default(4 * 1024 * 1024),
});

/** They are the gateway's own to set: credentials, and what describes the connection or the body. */
const OWN_HEADERS =
  /^(authorization|x-api-key|api-key|x-goog-api-key|cookie|proxy-.*|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|content-type|content-encoding|accept-encoding|user-agent)$/;

/** As HTTP allows it, without anything that could end it early. */
const HeaderValue = z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII');

const AddedHeaders = z.record(z.string(), HeaderValue).superRefine((headers, context) => {
  for (const name of Object.keys(headers)) {
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', path: [name], message });
    };
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) refuse('is no header name in small letters');
    else if (OWN_HEADERS.test(name)) refuse('is a header that the gateway sets itself');
  }
});

const Origin = z.string().refine((text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text), {
  message: 'must be * or an origin such as https://chat.example.com',
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
    /** With more open at once the router is not ready for others. */
    maxOpenStreams: z.int().positive().default(10_000),
    deadlines: Deadlines.prefault({}),
    heartbeatMs: DurationMs.default(15_000),
    retry: Retry.default({}),
    onClientGone: OnClientGone.prefault({}),
    /** What upstreams are told the client is; else its own word passes. */
    userAgent: HeaderValue.exactOptional(),
    /** Added to every request that goes up. */
    addHeaders: AddedHeaders.default({}),
    /** `allowed`: by the way that the lease names; `required`: never directly; `none`: always directly. */
    proxies: z.enum(['allowed', 'required', 'none']).default('allowed'),
    cors: z.strictObject({ origins: z.array(Origin).default([]) }).prefault({}),
    /** Of models that state none; without it nobody may use those. */
    defaultPrice: Price.extend({ multiplier: Decimal.default('1') }).exactOptional(),
    models: z.array(Model).min(1),
  })
  .superRefine(({ models }, context) => {
    for (const [index, { price, multiplier }] of models.entries()) {
      if (price !== undefined || multiplier === undefined) continue;
      const message = 'needs a price of its own: the default price brings its multiplier with it';
      context.addIssue({ code: 'custom', path: ['models', index, 'multiplier'], message });
    }
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
