import { OmgError } from '@omg/errors';
import type { ClientKeyStatus } from '../../domain/account.ts';
import { fieldChanges } from '../../domain/field-changes.ts';
import type { AccountTransaction, ClientKeyFields } from './account-store.ts';
import { existingKey, invalid, noKey, noTenant, type AdminDeps } from './admin-deps.ts';
import { changedKeyFields, checkKeyFields, isNothing, type GivenKeyFields } from './client-key-fields.ts';
import type { ClientKeyReport } from './client-key-report.ts';
import type { ClientKeyRecord } from '../../domain/account.ts';
import { makeGetClientKey } from './list-client-keys.ts';

export interface EditClientKeyInput {
  readonly clientKeyId: string;
  readonly fields: GivenKeyFields;
  readonly actor: string;
}

export function makeEditClientKey(deps: AdminDeps): (input: EditClientKeyInput) => Promise<ClientKeyReport> {
  return async ({ clientKeyId, fields, actor }) => {
    if (isNothing(fields)) invalid(`nothing is to be changed of ${clientKeyId}: name at least one field`);
    const given = checkKeyFields(fields, deps.clock.now());
    return await setKeyFields(deps, { clientKeyId, actor, change: (key) => changedKeyFields(key, given) });
  };
}

export interface OperateClientKeyInput {
  readonly clientKeyId: string;
  readonly status: ClientKeyStatus;
  readonly actor: string;
}

export function makeOperateClientKey(deps: AdminDeps): (input: OperateClientKeyInput) => Promise<ClientKeyReport> {
  return async ({ clientKeyId, status, actor }) =>
    await setKeyFields(deps, { clientKeyId, actor, change: () => ({ status }) });
}

async function setKeyFields(
  deps: AdminDeps,
  input: {
    readonly clientKeyId: string;
    readonly actor: string;
    readonly change: (key: ClientKeyRecord) => ClientKeyFields;
  },
): Promise<ClientKeyReport> {
  const { clientKeyId, actor, change } = input;
  const at = deps.clock.now();
  const { tenantId } = await existingKey(deps, clientKeyId);
  await deps.store.transaction(async (transaction) => {
    const key = await keyToChange(transaction, { tenantId, clientKeyId });
    const fields = change(key);
    if (key.status === 'revoked' && fields.status !== 'revoked') refuseRevoked(clientKeyId);
    await transaction.setKey(clientKeyId, fields);
    const changes = fieldChanges(key, fields);
    if (changes.length === 0) return;
    await transaction.note({
      id: deps.makeId(),
      tenantId,
      clientKeyId,
      actor,
      what: 'key_edited',
      fields: changes,
      at,
    });
  });
  return await makeGetClientKey(deps)(clientKeyId);
}

/** The key as it is, when nobody else can change it any more. */
export async function keyToChange(
  transaction: AccountTransaction,
  { tenantId, clientKeyId }: { readonly tenantId: string; readonly clientKeyId: string },
): Promise<ClientKeyRecord> {
  if ((await transaction.raiseVersion(tenantId)) === undefined) noTenant(tenantId);
  return (await transaction.clientKey(clientKeyId)) ?? noKey(clientKeyId);
}

export function refuseRevoked(clientKeyId: string): never {
  throw new OmgError('failed_precondition', `${clientKeyId} is revoked, which is for good: make another key`);
}
