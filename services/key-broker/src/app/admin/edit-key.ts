import { OmgError } from '@omg/errors';
import { existingKey, type AdminDeps } from './admin-deps.ts';
import { keyFieldsFault, toTerms, type KeyFields } from './key-fields.ts';
import { makeKeyReporter, type KeyReport } from './key-report.ts';

export interface EditKeyInput {
  readonly provider: string;
  readonly keyId: string;
  readonly fields: KeyFields;
  readonly actor: string;
}

export function makeEditKey({ offices, clock }: AdminDeps): (input: EditKeyInput) => Promise<KeyReport> {
  return async ({ provider, keyId, fields, actor }) => {
    const office = offices.get(provider);
    const { key } = existingKey(office, keyId);
    if (Object.values(fields).every((value) => value === undefined)) {
      throw new OmgError('invalid_argument', `nothing is to be changed of ${keyId}: name at least one field`);
    }
    const fault = keyFieldsFault(office.provider, fields);
    if (fault !== undefined) throw new OmgError('invalid_argument', `${keyId}: ${fault}`);
    const { apiKey = key.secret } = fields;
    const change = { ...(apiKey === key.secret ? {} : { secret: apiKey }), terms: toTerms(fields) };
    const nowMs = clock.nowMs();
    const edited = await office.store.editKey(keyId, change, { actor, nowMs });
    if (edited === undefined)
      throw new OmgError('not_found', `${provider} has no key ${JSON.stringify(keyId)} any more`);
    // by which the pool raises the key's generation and, where its secret is another one, forgets its errors
    await office.refresh();
    return makeKeyReporter(office, nowMs)(existingKey(office, keyId));
  };
}
