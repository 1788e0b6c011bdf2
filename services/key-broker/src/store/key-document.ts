import { z } from 'zod';
import { DEFAULT_SLOTS, type UpstreamKey } from '../domain/upstream-key.ts';
import type { SecretBox } from './secret-box.ts';

/** A key as it is stored. Documents of older systems lack what came later; every such field has a default. */
const KeyDocument = z
  .object({
    _id: z.string(),
    apiKey: z.string().min(1),
    status: z.enum(['healthy', 'rate_limited', 'exhausted', 'error', 'using_failover']).default('healthy'),
    isEnabled: z.boolean().default(true),
    cooldownUntil: z.date().nullish(),
    allowedModels: z.array(z.string()).nullish(),
    slots: z.coerce.number().int().positive().default(DEFAULT_SLOTS),
    generation: z.coerce.bigint().default(1n),
  })
  .transform((document): UpstreamKey => ({
    id: document._id,
    secret: document.apiKey,
    status: document.status,
    enabled: document.isEnabled,
    cooldownUntilMs: document.cooldownUntil?.getTime(),
    allowedModels: document.allowedModels ?? undefined,
    slots: document.slots,
    generation: document.generation,
  }));

/** The key, or what is wrong with its document. */
export function parseKeyDocument(document: unknown, box: SecretBox): UpstreamKey | { readonly fault: string } {
  const parsed = KeyDocument.safeParse(document);
  if (!parsed.success) {
    return { fault: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') };
  }
  try {
    return { ...parsed.data, secret: box.open(parsed.data.secret) };
  } catch (error) {
    return { fault: `apiKey: ${error instanceof Error ? error.message : String(error)}` };
  }
}
