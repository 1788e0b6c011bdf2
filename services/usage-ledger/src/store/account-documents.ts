import { Binary } from 'mongodb';
import type { AccountChange } from '../app/admin/account-store.ts';
import type { ClientKeyRecord, TenantRecord } from '../domain/account.ts';
import { NOTHING_SPENT, type SpentBy } from '../domain/budget-bucket.ts';
import type { BudgetTerms } from '../domain/budget.ts';
import { UNRESTRICTED, type ClientKeyTerms, type EarlierSecret } from '../domain/client-key-terms.ts';
import type { CreditEntry, Purses } from '../domain/credits.ts';
import { NO_LIMIT_TERMS, type LimitTerms } from '../domain/limits.ts';

/** What is absent says nothing: charging makes the accounts of services without it. */
export interface TenantDocument {
  readonly _id: string;
  readonly name: string;
  readonly type: TenantRecord['type'];
  readonly status: TenantRecord['status'];
  readonly version: bigint;
  readonly creditsNanoUsd: bigint;
  readonly refCreditsNanoUsd?: bigint;
  readonly spentNanoUsd: bigint;
  readonly spentBy?: SpentBy;
  readonly limits?: LimitTerms;
  readonly budget?: Exclude<BudgetTerms, undefined>;
  readonly origin?: string;
  readonly createdAt: Date;
}

export interface EarlierSecretDocument extends EarlierSecret {
  readonly digest: Binary;
}

export interface ClientKeyDocument {
  readonly _id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly digest: Binary;
  readonly prefix: string;
  readonly lastFour: string;
  readonly earlier?: readonly EarlierSecretDocument[];
  /** The digest that a file gave last. */
  readonly fileDigest?: Binary;
  readonly status: ClientKeyRecord['status'];
  readonly terms?: ClientKeyTerms;
  readonly limits?: LimitTerms;
  readonly budget?: Exclude<BudgetTerms, undefined>;
  readonly expiresAt?: Date;
  readonly spentBy?: SpentBy;
  readonly createdAt: Date;
}

export type CreditDocument = Omit<CreditEntry, 'id' | 'requestId'> & {
  readonly _id: string;
  readonly requestId?: string;
};

export type ChangeDocument = Omit<AccountChange, 'id' | 'clientKeyId'> & {
  readonly _id: string;
  readonly clientKeyId?: string;
};

export function pursesOf(
  document: Pick<TenantDocument, 'creditsNanoUsd' | 'refCreditsNanoUsd' | 'spentNanoUsd'>,
): Purses {
  const { creditsNanoUsd: credits, refCreditsNanoUsd: refCredits = 0n, spentNanoUsd: spent } = document;
  return { credits, refCredits, spent };
}

export function fromTenantDocument(document: TenantDocument): TenantRecord {
  const { _id: id, name, type, status, version, createdAt, budget, origin } = document;
  return {
    id,
    name,
    type,
    status,
    version,
    limits: document.limits ?? NO_LIMIT_TERMS,
    budget,
    purses: pursesOf(document),
    spentBy: document.spentBy ?? NOTHING_SPENT,
    origin,
    createdAt,
  };
}

export function fromClientKeyDocument(document: ClientKeyDocument): ClientKeyRecord {
  const { _id: id, tenantId, name, status, prefix, lastFour, expiresAt, budget, createdAt } = document;
  return {
    id,
    tenantId,
    name,
    status,
    prefix,
    lastFour,
    expiresAt,
    earlier: (document.earlier ?? []).map((secret) => ({
      prefix: secret.prefix,
      lastFour: secret.lastFour,
      endsAt: secret.endsAt,
    })),
    terms: document.terms ?? UNRESTRICTED,
    limits: document.limits ?? NO_LIMIT_TERMS,
    budget,
    spentBy: document.spentBy ?? NOTHING_SPENT,
    createdAt,
  };
}

export function fromCreditDocument({ _id: id, requestId, ...entry }: CreditDocument): CreditEntry {
  return { id, ...entry, requestId };
}

export function fromChangeDocument({ _id: id, clientKeyId, ...change }: ChangeDocument): AccountChange {
  return { id, ...change, clientKeyId };
}

/** Bytes whose comparison and storage the driver understands. */
export function toBinary(digest: Uint8Array): Binary {
  return new Binary(digest);
}
