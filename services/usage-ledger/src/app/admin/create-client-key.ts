import { clientKeyDigest, makeClientKey, maskClientKey } from '@omg/client-key';
import { UNRESTRICTED } from '../../domain/client-key-terms.ts';
import { fieldChanges } from '../../domain/field-changes.ts';
import { NO_LIMIT_TERMS } from '../../domain/limits.ts';
import { invalid, noTenant, type AdminDeps } from './admin-deps.ts';
import { checkId } from './check-terms.ts';
import { changedKeyFields, checkKeyFields, type GivenKeyFields } from './client-key-fields.ts';
import type { ClientKeyReport } from './client-key-report.ts';
import { makeGetClientKey } from './list-client-keys.ts';

export interface CreateClientKeyInput {
  readonly tenantId: string;
  /** Empty: it is made up. */
  readonly clientKeyId: string;
  readonly fields: GivenKeyFields;
  readonly actor: string;
}

/** A key with its secret, which nobody can tell again. */
export interface MadeClientKey {
  readonly key: ClientKeyReport;
  readonly secret: string;
}

export function makeCreateClientKey(deps: AdminDeps): (input: CreateClientKeyInput) => Promise<MadeClientKey> {
  return async ({ tenantId, clientKeyId, fields, actor }) => {
    const at = deps.clock.now();
    const id = clientKeyId === '' ? `key-${deps.makeId()}` : checkId('a client key', clientKeyId);
    const { name, ...given } = checkKeyFields(fields, at);
    if (name === undefined) invalid('a name is needed');
    const secret = makeClientKey();
    const stored = { digest: clientKeyDigest(secret), ...maskClientKey(secret) };
    const {
      terms = UNRESTRICTED,
      limits = NO_LIMIT_TERMS,
      expiresAt,
      budget,
    } = changedKeyFields({ terms: UNRESTRICTED, limits: NO_LIMIT_TERMS }, given);
    const state = { name, status: 'enabled', terms, expiresAt, limits, budget } as const;
    await deps.store.transaction(async (transaction) => {
      const tenant = (await transaction.raiseVersion(tenantId)) ?? noTenant(tenantId);
      if (tenant.type === 'service')
        invalid(`${tenantId} is the account of an internal service: it has no client keys`);
      await transaction.insertKey({ id, tenantId, ...state, createdAt: at, secret: stored });
      await transaction.note({
        id: deps.makeId(),
        tenantId,
        clientKeyId: id,
        actor,
        what: 'key_created',
        fields: fieldChanges({}, { ...state, lastFour: stored.lastFour }),
        at,
      });
    });
    return { key: await makeGetClientKey(deps)(id), secret };
  };
}
