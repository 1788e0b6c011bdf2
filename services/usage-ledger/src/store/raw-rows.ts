import type { FigureRow, TimingsRow } from '../app/rollup-ports.ts';
import { COLUMNS, COST, LIST_COST, putAmount, type FigureTable } from '../domain/figure-table.ts';
import type { Timings } from '../domain/figures.ts';
import type { Dimension } from '../domain/rollup-cube.ts';
import { BsonFields } from './bson-fields.ts';
import { addCellsToTable } from './figure-cells.ts';
import { FAILURES_FIELD, FIELDS, unpackTimings } from './rollup-document.ts';

const FIELD_NAMES = FIELDS.map(([, field]) => field);

/** A document of rollups, as the server sent it. */
class RawRow {
  readonly values: readonly string[];
  /** When it begins; NaN where that was not asked for. */
  readonly startMs: number = Number.NaN;
  protected readonly total: BsonFields | Uint8Array | undefined;
  protected readonly cells: Uint8Array | undefined;

  constructor(document: Buffer, dimensions: readonly Dimension[]) {
    const values = dimensions.map(() => '');
    for (const fields = new BsonFields(document); fields.next();) {
      if (fields.is('cells')) this.cells = fields.binary();
      else if (fields.is('total')) this.total = fields.fields() ?? fields.binary();
      else if (fields.is('start')) this.startMs = fields.timeMs();
      else for (const [at, name] of dimensions.entries()) if (fields.is(name)) values[at] = fields.text();
    }
    this.values = values;
  }
}

export class RawFigureRow extends RawRow implements FigureRow {
  /** Can be called once. */
  addTotal(table: FigureTable, slot: number): void {
    const fields = this.total;
    if (!(fields instanceof BsonFields)) throw new RangeError('this rollup has no total of figures');
    const row = new Float64Array(COLUMNS);
    let next = 0;
    while (fields.next()) {
      const column = columnOf(fields, next);
      if (column === -1) {
        if (fields.is(FAILURES_FIELD)) addFailures(fields.fields(), table, slot);
        continue;
      }
      next = column + 1;
      if (column < COST) row[column] = Number(fields.number());
      else putAmount(row, column === COST ? COST : LIST_COST, fields.number());
    }
    table.add(slot, row);
  }

  addCells(table: FigureTable, slotOf: (cell: number) => number): void {
    if (this.cells === undefined) throw new RangeError('this rollup was read without its cells');
    addCellsToTable(this.cells, table, slotOf);
  }
}

export class RawTimingsRow extends RawRow implements TimingsRow {
  addTotal(to: Timings): void {
    if (!(this.total instanceof Uint8Array)) throw new RangeError('this rollup has no total of timings');
    unpackTimings(this.total, () => to);
  }

  addCells(at: (cell: number) => Timings | undefined): void {
    if (this.cells === undefined) throw new RangeError('this rollup was read without its cells');
    unpackTimings(this.cells, at);
  }
}

/** The index of its name; -1 where it has another. They are in this order, so it is looked for from the one behind the last. */
function columnOf(fields: BsonFields, next: number): number {
  for (let tried = 0; tried < FIELD_NAMES.length; tried += 1) {
    const column = (next + tried) % FIELD_NAMES.length;
    if (fields.is(FIELD_NAMES[column] ?? '')) return column;
  }
  return -1;
}

function addFailures(fields: BsonFields | undefined, table: FigureTable, slot: number): void {
  while (fields?.next() === true) table.addFailures(slot, table.kindOf(fields.name), Number(fields.number()));
}
