import { COLUMNS, COST, FigureTable, LIST_COST } from '../domain/figure-table.ts';
import { COUNTS, type Figures } from '../domain/figures.ts';
import { PackedReader, PackedWriter } from './packed-bytes.ts';

/** The figures of a row's cells: the kinds of failures that any has, then cell after cell. */
export function packFigures(cells: ReadonlyMap<number, Figures>): Uint8Array {
  const writer = new PackedWriter();
  const kinds = [...new Set([...cells.values()].flatMap(({ failures }) => [...failures.keys()]))];
  writer.number(kinds.length);
  for (const kind of kinds) writer.word(kind);
  for (const [cell, figures] of cells) {
    writer.number(cell);
    for (const name of COUNTS) writer.number(figures[name]);
    writer.bigint(figures.costNanoUsd);
    writer.bigint(figures.listCostNanoUsd);
    writer.number(figures.failures.size);
    for (const [kind, count] of figures.failures) {
      writer.number(kinds.indexOf(kind));
      writer.number(count);
    }
  }
  return writer.finish();
}

/** What was packed. */
export function unpackFigures(bytes: Uint8Array): Map<number, Figures> {
  const table = new FigureTable();
  const slots = new Map<number, number>();
  addCellsToTable(bytes, table, (cell) => slots.getOrInsertComputed(cell, () => table.newSlot()));
  return new Map(Array.from(slots, ([cell, slot]) => [cell, table.figuresOf(slot)]));
}

/** Adds each cell to the slot that `slotOf` says; to none where that is -1. */
export function addCellsToTable(bytes: Uint8Array, table: FigureTable, slotOf: (cell: number) => number): void {
  const reader = new PackedReader(bytes);
  const kinds = readKinds(reader, table);
  while (reader.hasMore) {
    const slot = slotOf(reader.number());
    if (slot === -1) {
      reader.skip(COUNTS.length + 2);
      reader.skip(2 * reader.number());
      continue;
    }
    readRow(reader);
    table.add(slot, row);
    for (let left = reader.number(); left > 0; left -= 1)
      table.addFailures(slot, kinds[reader.number()] ?? -1, reader.number());
  }
}

/** What the table calls them. */
function readKinds(reader: PackedReader, table: FigureTable): readonly number[] {
  const kinds: number[] = [];
  for (let left = reader.number(); left > 0; left -= 1) {
    const known = table.findKind((name) => reader.takes(name));
    kinds.push(known === -1 ? table.kindOf(reader.word()) : known);
  }
  return kinds;
}

// one for all: it holds a cell only until that is added
const row = new Float64Array(COLUMNS);

function readRow(reader: PackedReader): void {
  reader.numbers(row, COUNTS.length);
  reader.amount(row, COST);
  reader.amount(row, LIST_COST);
}
