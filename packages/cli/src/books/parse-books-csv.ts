import { CommandFailure } from '../failures.ts';
import { MAX_ROWS, type ProviderBooks, type ProviderRow } from './provider-row.ts';

const NEEDED = ['request_id', 'input', 'output'] as const;
const KNOWN = [...NEEDED, 'model', 'started_at', 'cache_write_5m', 'cache_write_1h', 'cache_read'] as const;

type ColumnName = (typeof KNOWN)[number];

/** Comma-separated values with a line of names; columns of other names are not looked at. Throws a CommandFailure. */
export function parseBooksCsv(text: string, name: string): ProviderBooks {
  const [titles = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const names = cellsOf(titles).map((cell) =>
    cell
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, '_'),
  );
  const missing = NEEDED.filter((column) => !names.includes(column));
  if (missing.length > 0)
    throw new CommandFailure(
      `${name} has no column ${missing.join(', ')}; its first line may name ${KNOWN.join(', ')}`,
    );
  const at = new Map(KNOWN.map((column) => [column, names.indexOf(column)]));
  const rows = lines.flatMap((line, index): readonly ProviderRow[] =>
    line.trim() === '' ? [] : [toRow(cellsOf(line), at, `${name}, line ${index + 2}`)],
  );
  if (rows.length > MAX_ROWS) throw new CommandFailure(`${name} has more than ${MAX_ROWS} rows: split it by time`);
  return { rows, leftOut: [], notes: [] };
}

function toRow(cells: readonly string[], at: ReadonlyMap<ColumnName, number>, where: string): ProviderRow {
  const cell = (column: ColumnName): string => cells[at.get(column) ?? -1]?.trim() ?? '';
  const count = (column: ColumnName): number => {
    const text = cell(column);
    if (text === '') return 0;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new CommandFailure(`${where}: ${column} must be a whole number`);
  };
  const countIfTold = (column: ColumnName): number | undefined => (at.get(column) === -1 ? undefined : count(column));
  if (cell('request_id') === '') throw new CommandFailure(`${where}: there is no request_id`);
  return {
    requestId: cell('request_id'),
    model: cell('model'),
    startedAtMs: timeOf(cell('started_at'), where),
    input: count('input'),
    output: count('output'),
    cacheWrite5m: countIfTold('cache_write_5m'),
    cacheWrite1h: countIfTold('cache_write_1h'),
    cacheRead: countIfTold('cache_read'),
  };
}

function timeOf(text: string, where: string): number | undefined {
  if (text === '') return undefined;
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    throw new CommandFailure(`${where}: started_at must be a time such as 2026-11-01T09:30:00Z`);
  }
}

/** Cells may be quoted, with "" for a quote in them; none goes over a line. */
function cellsOf(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',');
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain = '']) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );
}
