import type { ClientKey, Tenant } from '../domain/account.ts';
import type { ChargedRequest, ReceivedEvent } from '../domain/usage-record.ts';
import type { DeadLetter, Entry } from '../domain/charge.ts';
import type { Mark } from '../domain/mark.ts';
import type { PriceVersion } from '../domain/price-book.ts';

export interface Clock {
  now: () => Date;
}

/** Tenants and client keys. */
export interface AccountStore {
  findByDigest: (digest: Uint8Array) => Promise<{ readonly tenant: Tenant; readonly key: ClientKey } | undefined>;
  upsertTenant: (tenant: NewTenant) => Promise<void>;
  upsertKey: (key: NewClientKey) => Promise<void>;
}

export interface NewTenant {
  readonly id: string;
  readonly name: string;
  readonly type: Tenant['type'];
  readonly creditsNanoUsd: bigint;
}

export interface NewClientKey {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly digest: Uint8Array;
  readonly prefix: string;
  readonly lastFour: string;
}

/** Up to where a partition's events are in the books; a sequence means nothing in another incarnation of the stream. */
export interface Position {
  readonly incarnation: string;
  readonly seq: number;
}

/** One batch, as it goes into the books: all of it or nothing. */
export interface BookedBatch {
  readonly partition: number;
  readonly from: Position | undefined;
  readonly to: Position;
  readonly charged: readonly ChargedRequest[];
  readonly entries: readonly Entry[];
  readonly deadLetters: readonly DeadLetter[];
  readonly marks: ReadonlyMap<string, Mark>;
}

export interface Books {
  position: (partition: number) => Promise<Position | undefined>;
  /** Which of these requests are in the books. */
  known: (requestIds: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Which of these accounts exist. */
  tenants: (tenantIds: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The marks of these publishers in the partition, by epoch. */
  marks: (partition: number, epochs: readonly string[]) => Promise<ReadonlyMap<string, Mark>>;
  /** Throws `not_owner` where the position is not `from` any more: somebody else has charged on. */
  book: (batch: BookedBatch) => Promise<void>;
}

export interface LogQuery {
  readonly pageSize: number;
  readonly before: LogCursor | undefined;
  readonly tenantId: string | undefined;
  readonly clientKeyId: string | undefined;
  readonly site: string | undefined;
}

/** Where a page ended. */
export interface LogCursor {
  readonly createdAt: Date;
  readonly requestId: string;
}

export interface RequestLogs {
  find: (requestId: string) => Promise<ChargedRequest | undefined>;
  /** Newest first. */
  list: (query: LogQuery) => Promise<readonly ChargedRequest[]>;
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
