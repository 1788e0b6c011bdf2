import { isKeyOf, type ProviderSpec } from '../../domain/provider-registry.ts';
import type { KeyTerms } from '../../domain/rotation-plan.ts';

/** Undefined: as it is. A limit of 0 and an empty list of models: none of its own. */
export interface KeyFields {
  readonly apiKey?: string | undefined;
  readonly slots?: number | undefined;
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
  readonly enableFailover?: boolean | undefined;
  readonly allowedModels?: readonly string[] | undefined;
}

export const NEW_KEY_TERMS: KeyTerms = {
  enableFailover: false,
  allowedModels: undefined,
  slots: undefined,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
};

const MAX_MODELS = 256;
const MODEL = /^[\x21-\x7e]{1,256}$/;

/** What is wrong with them, in words that never hold the key itself. */
export function keyFieldsFault(provider: ProviderSpec, fields: KeyFields): string | undefined {
  const { apiKey, allowedModels = [] } = fields;
  if (apiKey !== undefined && !isKeyOf(provider, apiKey)) return apiKeyFault(provider, apiKey);
  for (const limit of ['slots', 'requestsPerMinute', 'tokensPerMinute'] as const) {
    const value = fields[limit] ?? 0;
    if (!Number.isSafeInteger(value) || value < 0) return `${limit} must be a whole number, 0 for the default`;
  }
  if (allowedModels.length > MAX_MODELS) return `there are more than ${MAX_MODELS} allowed models`;
  const strange = allowedModels.find((model) => !MODEL.test(model));
  if (strange !== undefined) return `${JSON.stringify(strange.slice(0, 64))} is not the name of a model`;
  return undefined;
}

export function apiKeyFault(provider: ProviderSpec, apiKey: string): string {
  if (apiKey === '') return 'it has no api_key';
  return `its api_key does not look like one of ${provider.name}: check for spaces and for parts that are missing`;
}

/** The terms that are given. */
export function toTerms(fields: KeyFields): Partial<KeyTerms> {
  const { slots, requestsPerMinute, tokensPerMinute, enableFailover, allowedModels } = fields;
  return {
    ...(slots === undefined ? {} : { slots: emptied(slots) }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: emptied(requestsPerMinute) }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: emptied(tokensPerMinute) }),
    ...(enableFailover === undefined ? {} : { enableFailover }),
    ...(allowedModels === undefined
      ? {}
      : { allowedModels: allowedModels.length === 0 ? undefined : [...new Set(allowedModels)] }),
  };
}

function emptied(limit: number): number | undefined {
  return limit === 0 ? undefined : limit;
}
