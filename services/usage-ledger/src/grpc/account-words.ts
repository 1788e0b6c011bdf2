import { OmgError } from '@omg/errors';
import { accountsAdminV1 } from '@omg/proto-gen';
import type { ClientKeyStatus, TenantStatus, TenantType } from '../domain/account.ts';
import type { CreditKind, Purse } from '../domain/credits.ts';

const {
  TenantType: Type,
  TenantStatus: Status,
  ClientKeyStatus: KeyStatus,
  ClientKeyOperation: Operation,
  Purse: PurseV1,
  CreditKind: Kind,
} = accountsAdminV1;

export const TENANT_TYPE: Record<TenantType, accountsAdminV1.TenantType> = {
  organization: Type.ORGANIZATION,
  personal: Type.PERSONAL,
  service: Type.SERVICE,
};

export const TENANT_STATUS: Record<TenantStatus, accountsAdminV1.TenantStatus> = {
  active: Status.ACTIVE,
  suspended: Status.SUSPENDED,
};

export const KEY_STATUS: Record<ClientKeyStatus, accountsAdminV1.ClientKeyStatus> = {
  enabled: KeyStatus.ENABLED,
  disabled: KeyStatus.DISABLED,
  revoked: KeyStatus.REVOKED,
};

export const KEY_OPERATION: Record<ClientKeyStatus, accountsAdminV1.ClientKeyOperation> = {
  enabled: Operation.ENABLE,
  disabled: Operation.DISABLE,
  revoked: Operation.REVOKE,
};

export const PURSE: Record<Purse, accountsAdminV1.Purse> = {
  credits: PurseV1.CREDITS,
  refCredits: PurseV1.REF_CREDITS,
};

export const CREDIT_KIND: Record<CreditKind, accountsAdminV1.CreditKind> = {
  top_up: Kind.TOP_UP,
  grant: Kind.GRANT,
  adjust: Kind.ADJUST,
  refund: Kind.REFUND,
  void: Kind.VOID,
};

/** Our word for one of the wire; undefined where nothing is said. */
export function wordOf<Word extends string>(
  words: Readonly<Record<Word, string>>,
  value: string,
  what: string,
): Word | undefined {
  if (value.endsWith('_UNSPECIFIED')) return undefined;
  // the keys of such a table are its words
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const found = (Object.keys(words) as Word[]).find((word) => words[word] === value);
  if (found === undefined) throw new OmgError('invalid_argument', `${what} is none that this service knows`);
  return found;
}

export function neededWord<Word extends string>(
  words: Readonly<Record<Word, string>>,
  value: string,
  what: string,
): Word {
  const word = wordOf(words, value, what);
  if (word === undefined) throw new OmgError('invalid_argument', `${what} is needed`);
  return word;
}
