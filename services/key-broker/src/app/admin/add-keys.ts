import type { LineResult } from '../pool-store.ts';
import type { AdminDeps } from './admin-deps.ts';
import { apiKeyFault, keyFieldsFault, NEW_KEY_TERMS, toTerms, type KeyFields } from './key-fields.ts';
import { lineByLine } from './line-by-line.ts';
import { nameFault } from './name-fault.ts';

export interface AddKeysInput {
  readonly provider: string;
  readonly keys: readonly { readonly id: string; readonly fields: KeyFields }[];
  readonly actor: string;
  /** Only says what would become of them. */
  readonly dryRun: boolean;
}

export function makeAddKeys({ offices, clock }: AdminDeps): (input: AddKeysInput) => Promise<readonly LineResult[]> {
  return async ({ provider, keys, actor, dryRun }) => {
    const office = offices.get(provider);
    const by = { actor, nowMs: clock.nowMs() };
    const results = await lineByLine({
      lines: keys,
      faultOf: ({ id, fields }) =>
        nameFault(id) ??
        (fields.apiKey === undefined ? apiKeyFault(office.provider, '') : keyFieldsFault(office.provider, fields)),
      run: async (good) =>
        await office.store.addKeys(
          good.map(({ id, fields }) => ({
            id,
            secret: fields.apiKey ?? '',
            terms: { ...NEW_KEY_TERMS, ...toTerms(fields) },
          })),
          by,
          { dryRun },
        ),
    });
    if (!dryRun && results.some(({ ok }) => ok)) await office.refresh();
    return results;
  };
}
