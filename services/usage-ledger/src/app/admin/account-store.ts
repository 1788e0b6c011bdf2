import type { ClientKeyRecord, ClientKeyStatus, TenantRecord, TenantStatus, TenantType } from '../../domain/account.ts';
import type { CreditEntry } from '../../domain/credits.ts';
import type { FieldChange } from '../../domain/field-changes.ts';

/** A line in an account's history. */
export interface AccountChange {
  readonly id: string;
  readonly tenantId: string;
  /** Undefined: the tenant itself. */
  readonly clientKeyId: string | undefined;
  readonly actor: string;
  readonly what: 'tenant_created' | 'tenant_edited' | 'key_created' | 'key_edited' | 'key_rotated';
  readonly fields: readonly FieldChange[];
  readonly at: Date;
}

export interface PageQuery {
  readonly limit: number;
  /** The id that the page before ended with. */
  readonly after: string | undefined;
}

export interface TenantQuery extends PageQuery {
  readonly search: string;
  readonly type: TenantType | undefined;
  readonly status: TenantStatus | undefined;
}

export interface ClientKeyQuery extends PageQuery {
  readonly tenantId: string | undefined;
  readonly search: string;
  readonly status: ClientKeyStatus | undefined;
}

/** A secret as far as it is stored. */
export interface StoredSecret {
  readonly digest: Uint8Array;
  readonly prefix: string;
  readonly lastFour: string;
}

export type NewTenantRecord = Omit<TenantRecord, 'version' | 'purses' | 'spentBy'>;
export type NewClientKeyRecord = Omit<ClientKeyRecord, 'prefix' | 'lastFour' | 'earlier' | 'spentBy'> & {
  readonly secret: StoredSecret;
  /** Where a file gave the secret: it is put in again only when the file gives another one. */
  readonly isOfFile?: boolean;
};

export type TenantFields = Partial<Pick<TenantRecord, 'name' | 'type' | 'status' | 'limits' | 'budget'>>;
export type ClientKeyFields = Partial<
  Pick<ClientKeyRecord, 'name' | 'status' | 'terms' | 'limits'> & {
    /** Undefined members are taken away. */
    readonly expiresAt: Date | undefined;
    readonly budget: ClientKeyRecord['budget'];
  }
>;

/** What was charged for a request. */
export interface RequestCharge {
  readonly requestId: string;
  readonly tenantId: string;
  readonly costNanoUsd: bigint;
}

/** Reads of accounts; by id, rising, unless something else is said. */
export interface AccountReads {
  tenant: (id: string) => Promise<TenantRecord | undefined>;
  clientKey: (id: string) => Promise<ClientKeyRecord | undefined>;
  credit: (id: string) => Promise<CreditEntry | undefined>;
  /** The key that has or had the secret. */
  secretOf: (digest: Uint8Array) => Promise<{ readonly clientKeyId: string } | undefined>;
  /** The secret that a file gave the key last. */
  secretOfFile: (clientKeyId: string) => Promise<Uint8Array | undefined>;
}

/** One transaction over the accounts: all of it or nothing. */
export interface AccountTransaction extends AccountReads {
  /**
   * Raises the tenant's version and gives it as it is then; undefined: there is none. Whatever changes a tenant or what
   * belongs to it begins with that, since from then on nobody else can change it, charging included.
   */
  raiseVersion: (tenantId: string) => Promise<TenantRecord | undefined>;
  insertTenant: (tenant: NewTenantRecord) => Promise<void>;
  setTenant: (id: string, fields: TenantFields) => Promise<void>;
  insertKey: (key: NewClientKeyRecord) => Promise<void>;
  setKey: (id: string, fields: ClientKeyFields) => Promise<void>;
  /** The key's secrets from then on; those before it as they are to be, by the digests that they have. */
  setSecret: (id: string, secret: StoredSecret, options: SecretChange) => Promise<void>;
  /** Adds to the purse and writes the entry with the balance after it. */
  addCredit: (entry: Omit<CreditEntry, 'balanceNanoUsd'>) => Promise<CreditEntry>;
  note: (change: AccountChange) => Promise<void>;
}

export type SecretChange =
  | { readonly now: Date; readonly graceMs: number }
  /** It comes from a file: those before it end. */
  | 'of file';

/** Accounts, as administration sees them. */
export interface AccountAdminStore extends AccountReads {
  /** Throws `already_exists` where something of a name is there; begins again by itself where others were at the same. */
  transaction: <T>(work: (transaction: AccountTransaction) => Promise<T>) => Promise<T>;
  tenants: (query: TenantQuery) => Promise<readonly TenantRecord[]>;
  /** Those that exist. */
  tenantsOf: (ids: readonly string[]) => Promise<readonly TenantRecord[]>;
  clientKeys: (query: ClientKeyQuery) => Promise<readonly ClientKeyRecord[]>;
  /** Newest first. */
  changes: (
    query: PageQuery & { readonly tenantId: string; readonly clientKeyId: string | undefined },
  ) => Promise<readonly AccountChange[]>;
  /** Newest first. */
  credits: (query: PageQuery & { readonly tenantId: string }) => Promise<readonly CreditEntry[]>;
  charge: (requestId: string) => Promise<RequestCharge | undefined>;
}
