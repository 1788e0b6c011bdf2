import { clientKeyDigest } from '@omg/client-key';
import { accountsAdminV1 } from '@omg/proto-gen';
import { parseUsd } from '../options/usd-option.ts';
import { RowFault } from './row-fault.ts';

/** A user of the system that this one replaces, as its database has it. */
export interface OldUser {
  readonly _id: unknown;
  readonly [member: string]: unknown;
}

/** A client key of it, where those are documents of their own. */
export interface OldKey {
  readonly _id: unknown;
  readonly [member: string]: unknown;
}

export interface OldFields {
  /** What is left of these together becomes credits. */
  readonly credits: readonly string[];
  readonly refCredits: string;
}

/** What was shown of a key there, and may be shown here. */
const PREFIX_LENGTH = 12;
/** Shorter ones could be guessed from what is shown. */
const MIN_KEY_LENGTH = 24;

/** The account that a user becomes; throws a RowFault that does not quote a key. */
export function toImportedAccount(
  user: OldUser,
  keys: readonly OldKey[],
  fields: OldFields,
): accountsAdminV1.ImportedAccount {
  const tenantId = usernameOf(user);
  const own = user['apiKey'] === undefined || user['apiKey'] === null || user['apiKey'] === '' ? [] : [user];
  return {
    tenantId,
    name: tenantId,
    type: accountsAdminV1.TenantType.PERSONAL,
    status: user['isActive'] === false ? accountsAdminV1.TenantStatus.SUSPENDED : accountsAdminV1.TenantStatus.ACTIVE,
    creditsNanoUsd: fields.credits.reduce((sum, name) => sum + nanoOf(user, name), 0n),
    refCreditsNanoUsd: nanoOf(user, fields.refCredits),
    keys: [
      ...own.map(() => toKey({ id: `${tenantId}-key`, name: 'API key', key: user['apiKey'], isActive: true })),
      ...keys.map((key) =>
        toKey({
          id: textOf(key._id),
          name: typeof key['name'] === 'string' && key['name'] !== '' ? key['name'] : 'API key',
          key: key['key'] ?? key['apiKey'],
          isActive: key['isActive'] !== false,
        }),
      ),
    ],
  };
}

export function usernameOf(user: OldUser): string {
  return typeof user['username'] === 'string' ? user['username'] : textOf(user._id);
}

function toKey(old: {
  readonly id: string;
  readonly name: string;
  readonly key: unknown;
  readonly isActive: boolean;
}): accountsAdminV1.ImportedKey {
  const { id, name, key, isActive: enabled } = old;
  if (typeof key !== 'string' || key.length < MIN_KEY_LENGTH || !/^[\x21-\x7e]+$/.test(key))
    throw new RowFault(`the client key ${id} is none: ${MIN_KEY_LENGTH} printable characters at least`);
  return {
    clientKeyId: id,
    name,
    digest: clientKeyDigest(key),
    prefix: key.slice(0, PREFIX_LENGTH),
    lastFour: key.slice(-4),
    enabled,
  };
}

/** Doubles of USD there, nano-USD here. */
function nanoOf(user: OldUser, name: string): bigint {
  const value = user[name] ?? 0;
  if (typeof value === 'bigint') return value * 1_000_000_000n;
  const nano = typeof value === 'number' && Number.isFinite(value) ? parseUsd(value.toFixed(9)) : undefined;
  if (nano === undefined) throw new RowFault(`${name} is no amount of USD`);
  return nano;
}

/** Ids of MongoDB print themselves in hexadecimal. */
export function textOf(id: unknown): string {
  if (typeof id === 'string') return id;
  const isObjectId = typeof id === 'object' && id !== null && 'toHexString' in id;
  // oxlint-disable-next-line typescript/no-base-to-string -- that one prints itself
  return isObjectId ? String(id) : '';
}
