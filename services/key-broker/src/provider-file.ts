import { readDataFile } from '@omg/config';
import { z } from 'zod';
import { registryFaults, type ProviderSpec } from './domain/provider-registry.ts';

const Endpoint = z.strictObject({
  baseUrl: z.string(),
  chatCompletionsPath: z.string().default('/v1/chat/completions'),
  messagesPath: z.string().default('/v1/messages'),
});

const Override = z.strictObject({
  status: z.number().int().exactOptional(),
  word: z.string().exactOptional(),
  text: z.string().exactOptional(),
  cause: z.enum([
    'rate_limited',
    'ban',
    'quota',
    'auth',
    'model_denied',
    'unattributed_403',
    'upstream_error',
    'connection',
    'timeout',
    'request_fault',
  ]),
});

const Providers = z.array(
  z
    .strictObject({
      name: z.string(),
      primary: Endpoint,
      backup: Endpoint.exactOptional(),
      keyFormat: z
        .string()
        .default('^[\\x21-\\x7e]{1,512}$')
        .transform((pattern, context) => {
          try {
            return new RegExp(pattern);
          } catch {
            context.addIssue('not a regular expression');
            return z.NEVER;
          }
        }),
      causeOverrides: z.array(Override).default([]),
      proxies: z.enum(['allowed', 'required', 'none']).default('allowed'),
      http2: z.boolean().default(false),
    })
    .transform((spec): ProviderSpec => spec),
);

/** Entries for the registry that are not in the code; throws what is wrong with them. */
export function readProviderFile(path: string, registry: readonly ProviderSpec[]): readonly ProviderSpec[] {
  const specs = readDataFile(path, Providers);
  const faults = registryFaults([...registry, ...specs]);
  if (faults.length > 0) throw new Error(`${path}: ${faults.join('; ')}`);
  return specs;
}
