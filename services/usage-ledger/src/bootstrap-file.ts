import { isClientKey } from '@omg/client-key';
import { readDataFile } from '@omg/config';
import { z } from 'zod';
import type { BootstrapTenant } from './app/bootstrap.ts';
import { parseNano } from './domain/money.ts';

const Id = z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores');

const BootstrapFile = z.strictObject({
  tenants: z.array(
    z
      .strictObject({
        id: Id,
        name: z.string().min(1),
        type: z.enum(['organization', 'personal']).default('organization'),
        creditsUsd: z
          .union([z.string(), z.number()])
          .transform(String)
          .pipe(z.string().regex(/^\d{1,9}(\.\d{1,9})?$/))
          .default('0'),
        keys: z
          .array(
            z.strictObject({
              id: Id,
              name: z.string().min(1),
              key: z
                .string()
                .refine(isClientKey, 'is no client key: sk-omg- and 48 characters, the last of them a checksum'),
            }),
          )
          .default([]),
      })
      .transform(({ creditsUsd, ...tenant }): BootstrapTenant => ({
        ...tenant,
        creditsNanoUsd: parseNano(creditsUsd),
      })),
  ),
});

/** The accounts that a fresh system begins with; throws a ConfigError that names every fault. */
export function readBootstrapFile(path: string): readonly BootstrapTenant[] {
  return readDataFile(path, BootstrapFile).tenants;
}
