import { printable } from './printable.ts';
import type { Style, Terminal } from './terminal.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
  readonly style?: (row: Row) => Style | undefined;
  /** Where the terminal is too narrow, columns with a number are left out, the lowest first. */
  readonly leaveOut?: number;
}

const GAP = '  ';

/** A table that may come in parts: the title line comes once, and columns only grow. */
export class Table<Row> {
  readonly #terminal: Pick<Terminal, 'columns' | 'paint'>;
  #columns: readonly (Column<Row> & { readonly width: number })[];
  #begun = false;

  constructor(columns: readonly Column<Row>[], terminal: Pick<Terminal, 'columns' | 'paint'>) {
    this.#columns = columns.map((column) => ({ ...column, width: column.title.length }));
    this.#terminal = terminal;
  }

  render(rows: readonly Row[]): string {
    this.#columns = this.#columns.map((column) => ({
      ...column,
      width: Math.max(column.width, ...rows.map((row) => printable(column.value(row)).length)),
    }));
    if (!this.#begun) this.#columns = fit(this.#columns, this.#terminal.columns ?? Infinity);
    const lines = rows.map((row) =>
      this.#line((column) => ({ text: printable(column.value(row)), style: column.style?.(row) })),
    );
    if (!this.#begun) lines.unshift(this.#line(({ title }) => ({ text: title, style: 'bold' })));
    this.#begun = true;
    return lines.join('');
  }

  #line(cellOf: (column: Column<Row>) => { readonly text: string; readonly style: Style | undefined }): string {
    const last = this.#columns.length - 1;
    const cells = this.#columns.map((column, index) => {
      const { text, style } = cellOf(column);
      const padding = ' '.repeat(column.width - text.length);
      const painted = style === undefined ? text : this.#terminal.paint(style, text);
      if (column.align === 'right') return `${padding}${painted}`;
      return index === last ? painted : `${painted}${padding}`;
    });
    return `${cells.join(GAP)}\n`;
  }
}

type Sized = { readonly width: number; readonly leaveOut?: number };

function fit<C extends Sized>(columns: readonly C[], available: number): readonly C[] {
  const needed = columns.reduce((sum, { width }) => sum + width, GAP.length * (columns.length - 1));
  const droppable = columns.filter(({ leaveOut }) => leaveOut !== undefined);
  if (needed <= available || droppable.length === 0) return columns;
  const first = Math.min(...droppable.map(({ leaveOut }) => leaveOut ?? Infinity));
  return fit(
    columns.filter(({ leaveOut }) => leaveOut !== first),
    available,
  );
}
