import type { ClientKeyRecord, PresentedKey, TenantRecord } from '../domain/account.ts';
import type { ChargedRequest, ReceivedEvent, UsageSource } from '../domain/usage-record.ts';
import type { BudgetSpend, DeadLetter, Entry } from '../domain/charge.ts';
import type { Purses } from '../domain/credits.ts';
import type { Mark } from '../domain/mark.ts';
import type { PriceVersion } from '../domain/price-book.ts';
import type { TimeCursor } from './time-cursor.ts';

export interface Clock {
  now: () => Date;
}

/** Tenants and client keys, as routers ask for them. */
export interface AccountStore {
  /** The key that has the secret, or had it and lets it work for a while. */
  findByDigest: (digest: Uint8Array) => Promise<FoundKey | undefined>;
}

export interface FoundKey {
  readonly tenant: TenantRecord;
  readonly key: ClientKeyRecord & PresentedKey;
}

/** Up to where a partition's events are in the books; a sequence means nothing in another incarnation of the stream. */
export interface Position {
  readonly incarnation: string;
  readonly seq: number;
}

/** One batch, as it goes into the books: all of it or nothing. */
export interface BookedBatch {
  readonly partition: number;
  readonly to: Position;
  readonly charged: readonly ChargedRequest[];
  readonly entries: readonly Entry[];
  readonly budgets: readonly BudgetSpend[];
  readonly deadLetters: readonly DeadLetter[];
  readonly marks: ReadonlyMap<string, Mark>;
}

export interface Books {
  /** Which of these requests are in the books. */
  known: (requestIds: readonly string[]) => Promise<ReadonlySet<string>>;
  /** What those of these accounts have that exist. */
  tenants: (tenantIds: readonly string[]) => Promise<ReadonlyMap<string, Purses>>;
  /** The marks of these publishers in the partition, by epoch. */
  marks: (partition: number, epochs: readonly string[]) => Promise<ReadonlyMap<string, Mark>>;
  /** Throws `not_owner` where the partition has another owner by now, and `already_exists` where a request is in the books; then nothing is written. */
  book: (batch: BookedBatch) => Promise<void>;
}

/** Only logs that are all this. */
export interface LogFilter {
  readonly tenantId?: string | undefined;
  readonly clientKeyId?: string | undefined;
  /** Of the last attempt. */
  readonly upstreamKeyId?: string | undefined;
  readonly site?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly statusCode?: number | undefined;
  readonly success?: boolean | undefined;
  readonly usageSource?: UsageSource | undefined;
  /** When the request was accepted; the end is excluded. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export interface LogQuery extends LogFilter {
  readonly pageSize: number;
  readonly before: TimeCursor | undefined;
}

export interface TailQuery extends LogFilter {
  readonly partition: number;
  readonly after: bigint;
  readonly pageSize: number;
}

export interface TailedLog {
  readonly request: ChargedRequest;
  /** Its place in the charged log of its partition. */
  readonly order: bigint;
}

export interface RequestLogs {
  find: (requestId: string) => Promise<ChargedRequest | undefined>;
  /** Newest first. */
  list: (query: LogQuery) => Promise<readonly ChargedRequest[]>;
  /** In the order of their charges. */
  tail: (query: TailQuery) => Promise<readonly TailedLog[]>;
  /** The end of the partition's charged log; 0 where it is empty. */
  end: (partition: number) => Promise<bigint>;
}

export interface PriceStore {
  all: () => Promise<readonly PriceVersion[]>;
  /** Appends the versions; one that another process has appended meanwhile is left alone. */
  append: (versions: readonly PriceVersion[]) => Promise<void>;
}

/** A message of the usage stream. */
export interface UsageMessage {
  readonly seq: number;
  readonly events: readonly ReceivedEvent[];
}
