import { clientKeyDigest, isClientKey, maskClientKey } from '@omg/client-key';
import { MAX_LIMIT, readDataFile } from '@omg/config';
import { z } from 'zod';
import type { SeedAccount } from './app/admin/seed-account.ts';
import { isTimeZone } from './domain/budget-window.ts';
import { DEFAULT_WARN_AT, type BudgetTerms } from './domain/budget.ts';
import { CLIENT_KEY_SCOPES } from './domain/client-key-terms.ts';
import { parseNano } from '@omg/pricing';

const Id = z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores');
const Name = z.string().regex(/^[^\p{C}]{1,128}$/u, 'must be 1 to 128 printable characters');
const Site = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be the name of a site');

const Usd = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,9}(\.\d{1,9})?$/, 'must be USD such as 12.50'))
  .transform(parseNano);

const limits = {
  requestsPerMinute: z.int().positive().max(MAX_LIMIT).exactOptional(),
  tokensPerMinute: z.int().positive().max(MAX_LIMIT).exactOptional(),
  parallel: z.int().positive().max(MAX_LIMIT).exactOptional(),
};
const Limits = z
  .strictObject({ ...limits, sites: z.array(z.strictObject({ site: Site, ...limits })).default([]) })
  .refine(({ sites }) => new Set(sites.map(({ site }) => site)).size === sites.length, 'names a site twice')
  .default({ sites: [] });

const TimeZone = z.string().refine(isTimeZone, 'is no time zone').default('UTC');
const OwnBudget = z
  .strictObject({
    usd: Usd.refine((nanoUsd) => nanoUsd > 0n, 'must be more than 0'),
    period: z.enum(['day', 'week', 'month']).default('month'),
    /** Instead of a period: the last so many days. */
    rollingDays: z.int().min(1).max(366).optional(),
    timeZone: TimeZone,
    warnAt: z.number().positive().max(1).default(DEFAULT_WARN_AT),
    hard: z.boolean().default(false),
  })
  .transform(({ usd, period, rollingDays, timeZone, warnAt, hard }) => ({
    nanoUsd: usd,
    period:
      rollingDays === undefined
        ? ({ kind: period, timeZone } as const)
        : ({ kind: 'rolling', days: rollingDays, timeZone } as const),
    warnAt,
    hard,
  }));

// not a union: that would not say what is wrong with the one that is meant
const Budget = z
  .unknown()
  .optional()
  .transform((value, context): BudgetTerms => {
    if (value === undefined || value === 'none') return value;
    const { success, data, error } = OwnBudget.safeParse(value);
    if (success) return data;
    for (const { path, message } of error.issues) context.addIssue({ code: 'custom', path: [...path], message });
    return z.NEVER;
  });

const Key = z
  .strictObject({
    id: Id,
    name: Name,
    key: z.string().refine(isClientKey, 'is no client key: sk-omg- and 48 characters, the last of them a checksum'),
    enabled: z.boolean().default(true),
    scopes: z.array(z.enum(CLIENT_KEY_SCOPES)).default([]),
    allowedModels: z.array(Name).default([]),
    sites: z.array(Site).default([]),
    expiresAt: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
    limits: Limits,
    budget: Budget,
  })
  .transform(({ key, enabled, scopes, allowedModels, sites, expiresAt, budget, ...same }) => ({
    ...same,
    status: enabled ? ('enabled' as const) : ('disabled' as const),
    terms: { scopes, allowedModels, sites },
    expiresAt,
    budget,
    secret: { digest: clientKeyDigest(key), ...maskClientKey(key) },
  }));

const BootstrapFile = z.strictObject({
  tenants: z.array(
    z
      .strictObject({
        id: Id,
        name: Name,
        type: z.enum(['organization', 'personal']).default('organization'),
        suspended: z.boolean().default(false),
        creditsUsd: Usd.default(0n),
        refCreditsUsd: Usd.default(0n),
        limits: Limits,
        budget: Budget,
        keys: z.array(Key).default([]),
      })
      .transform(({ creditsUsd, refCreditsUsd, keys, suspended, budget, ...tenant }): SeedAccount => ({
        tenant: { ...tenant, status: suspended ? 'suspended' : 'active', budget },
        given: { credits: creditsUsd, refCredits: refCreditsUsd },
        keys,
      })),
  ),
});

/** The accounts that a fresh system begins with; throws a ConfigError that names every fault. */
export function readBootstrapFile(path: string): readonly SeedAccount[] {
  return readDataFile(path, BootstrapFile).tenants;
}
