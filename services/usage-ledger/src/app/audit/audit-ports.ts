import type { AuditedLog } from '../../domain/audit/audited-log.ts';
import type { BookedEntry } from '../../domain/audit/entry-audit.ts';
import type { StoredMark } from '../../domain/audit/number-audit.ts';
import type { Figures, Timings } from '../../domain/figures.ts';
import type { RollupRow } from '../../domain/rollup-fold.ts';
import type { Unit } from '../../domain/rollup-period.ts';
import type { ChargedLog, StoredRow } from '../rollup-ports.ts';

/** Everything that the books say of one tenant's money, at one moment. */
export interface TenantSums {
  readonly tenantId: string;
  /** As its document says; undefined where there is none. */
  readonly tenant: PurseSums | undefined;
  readonly credits: Omit<PurseSums, 'spentNanoUsd'>;
  /** Of its entries, by the partition that they are of. */
  readonly usageNanoUsd: ReadonlyMap<number, bigint>;
}

export interface PurseSums {
  readonly creditsNanoUsd: bigint;
  readonly refCreditsNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
}

/** What an account has spent in each bucket of its budget, at one moment. */
export interface BucketSums {
  readonly kind: 'tenant' | 'key';
  readonly id: string;
  /** As its document says; undefined where there is none. */
  readonly stored: ReadonlyMap<string, bigint> | undefined;
  /** As its logs add up to. */
  readonly logged: ReadonlyMap<string, bigint>;
}

/** The books, to be looked through. Lists come in chunks; what an iterable gives is as large as the books. */
export interface AuditStore {
  /** Of every tenant that has a document, entries or credits, in the order of their ids. */
  tenantSums: () => AsyncIterable<TenantSums>;
  /** Logs of a partition in the order of charging, up to those that are there when it begins. */
  logs: (partition: number) => AsyncIterable<readonly AuditedLog[]>;
  entries: () => AsyncIterable<readonly BookedEntry[]>;
  entriesOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, BookedEntry>>;
  /** Which of these entries a log of the same id names: every entry is called after its first request. */
  begun: (entryIds: readonly string[]) => Promise<ReadonlySet<string>>;
  marks: () => Promise<readonly StoredMark[]>;
  /** Of accounts that have buckets or logs that name one, from logs that were accepted since then. */
  bucketSums: (acceptedSinceMs: number) => AsyncIterable<BucketSums>;
  /** A look at rollups and logs as of one moment; to be disposed of within minutes. */
  rollupMoment: () => Promise<RollupMoment>;
  /** Ids of rows of years or months, in chunks. */
  rollupIds: (unit: Unit, kind: RollupKind) => AsyncIterable<readonly string[]>;
  /** Rows of months or years that are not there, though a row below them is; some more than once. */
  missingRollups: (unit: 'month' | 'year', kind: RollupKind) => AsyncIterable<readonly string[]>;
  /** When the last request was accepted of which there is a log or a rollup. */
  lastAcceptedMs: () => Promise<number>;
}

export type RollupKind = 'figures' | 'timings';

export interface RollupMoment extends AsyncDisposable {
  /** Logs that are in the rollups and were accepted in this time; partition by partition. */
  projectedLogs: (range: { readonly fromMs: number; readonly toMs: number }) => AsyncIterable<readonly ChargedLog[]>;
  figures: (ids: readonly string[]) => Promise<ReadonlyMap<string, IdentifiedRow<Figures>>>;
  timings: (ids: readonly string[]) => Promise<ReadonlyMap<string, IdentifiedRow<Timings>>>;
  /** How many rows of days there are of this one, by cube. */
  countDay: (kind: RollupKind, startMs: number) => Promise<ReadonlyMap<string, number>>;
}

/** A row as it is stored. */
export interface IdentifiedRow<T> extends StoredRow<T> {
  readonly startMs: number;
  readonly id: string;
  /** What its own row of another period is called. */
  readonly idAt: (unit: Unit, startMs: number) => string;
}

/** What rollup rows are called. */
export type RowId = (row: Pick<RollupRow, 'cube' | 'unit' | 'startMs' | 'values'>) => string;

/** What a holder of an account's quota has and has not given back. */
export interface OutstandingRow {
  readonly partition: number;
  readonly scope: string;
  readonly holderEpoch: string;
  readonly live: boolean;
  /** By dimension. */
  readonly amounts: Readonly<Record<string, bigint>>;
}

/** What the owners of account partitions have granted; it is in their memory alone. */
export interface OutstandingBooks {
  list: () => Promise<{
    readonly rows: readonly OutstandingRow[];
    /** Partitions that other processes own, which have to be asked for them, by the address of those. */
    readonly elsewhere: ReadonlyMap<string, readonly number[]>;
  }>;
}
