import type { Spread } from './spread.ts';

export const asCount = (value: number): string => Math.round(value).toLocaleString('en-US');
export const asPercent = (value: number): string => `${Math.round(value * 100)} %`;
export const asDecimals = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
export const asTimes = (value: number): string => `${value.toFixed(2)}x`;

/** The median and, in brackets, the least and the most. */
export function asSpread({ median, min, max }: Spread, format: (value: number) => string): string {
  return `${format(median)} [${format(min)}..${format(max)}]`;
}

/** Lines of columns: numbers to the right, and what is in `left` to the left. */
export function textTable(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  left: ReadonlySet<string>,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string =>
    left.has(head[column] ?? '') ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return [head, ...lines].map((cells) => cells.map(pad).join('  ').trimEnd()).join('\n');
}
