import type { FigureTable } from '../domain/figure-table.ts';
import type { Timings } from '../domain/figures.ts';
import type { Cube, Dimension } from '../domain/rollup-cube.ts';
import type { RollupEntry, RollupRow } from '../domain/rollup-fold.ts';
import type { Piece, Unit } from '../domain/rollup-period.ts';
import type { Tokens } from '@omg/pricing';

/** Up to where the charged log of each partition is in the rollups. */
export interface RollupState {
  /** Rises with each change. */
  readonly version: bigint;
  /** The charge order of the last log that is in; 0 where none is. */
  readonly positions: ReadonlyMap<number, bigint>;
}

/** A log as the projection reads it. */
export interface ChargedLog extends Omit<RollupEntry, 'listCostNanoUsd' | 'tokens'> {
  readonly requestId: string;
  readonly tokens: Tokens;
  readonly priceVersion: string;
  readonly partition: number;
  /** Rises within a partition, from one charge to the next. */
  readonly order: bigint;
}

export interface RollupStore {
  state: () => Promise<RollupState>;
  /** What was charged after that, in charge order, the oldest first. */
  chargedAfter: (from: {
    readonly partition: number;
    readonly order: bigint;
    readonly limit: number;
  }) => Promise<readonly ChargedLog[]>;
  /** Adds the rows and moves the positions, both or neither; throws `not_owner` where the state is not `from` any more. */
  add: (change: {
    readonly from: RollupState;
    readonly positions: ReadonlyMap<number, bigint>;
    readonly rows: readonly RollupRow[];
  }) => Promise<void>;
}

/** What is asked for: only requests with these values. */
export type Scope = Readonly<Partial<Record<Dimension, string>>>;

/** A row of rollups, to be added up by whoever asked for it. */
export interface StoredRow<T> {
  addTotal: (to: T) => void;
  /** Each cell to where `at` says; to nowhere where it says nothing. */
  addCells: (at: (cell: number) => T | undefined) => void;
}

/** A row as the questions read it. */
interface ReadRow {
  /** Of the dimensions that are grouped by, in their order. */
  readonly values: readonly string[];
}

/** Figures, of which very many are added up: each to a slot of a table, or to none where that is -1. */
export interface FigureRow extends ReadRow {
  addTotal: (table: FigureTable, slot: number) => void;
  addCells: (table: FigureTable, slotOf: (cell: number) => number) => void;
}

export interface TimingsRow extends ReadRow, StoredRow<Timings> {}

/** Called with each row as it comes. */
export type TakeRow<Row> = (row: Row, cells: Piece['cells']) => void;

interface Wanted {
  readonly cube: Cube;
  readonly scope: Scope;
  readonly groupBy: readonly Dimension[];
}

/** The rows that the pieces are of. */
export interface RowsWanted extends Wanted {
  readonly pieces: readonly Piece[];
}

/** All rows of a unit in a range. */
export interface SpanWanted extends Wanted {
  readonly unit: Unit;
  /** The beginning of the first row, and what the last one begins before. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface RollupReader {
  /** Rows with the cells that are wanted of them, or without any where they are wanted whole. */
  figures: (wanted: RowsWanted, take: TakeRow<FigureRow>) => Promise<void>;
  /** The same of cubes that have them. */
  timings: (wanted: RowsWanted, take: TakeRow<TimingsRow>) => Promise<void>;
  /** Cells of rows, and when each row begins. */
  figureCells: (wanted: SpanWanted, take: (row: FigureRow, startMs: number) => void) => Promise<void>;
}
