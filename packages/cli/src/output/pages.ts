import type { CommandContext } from '../command.ts';
import { jsonLine } from './json-line.ts';
import { Table, type Column } from './table.ts';

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Empty: it was the last one. */
  readonly nextPageToken: string;
}

export interface Pages<Row> {
  readonly limit: number;
  readonly pageSize: number;
  readonly load: (page: { readonly pageToken: string; readonly pageSize: number }) => Promise<Page<Row>>;
  readonly columns: readonly Column<Row>[];
  readonly toJson: (row: Row) => object;
  /** What people read where there is none. */
  readonly none: string;
}

/** Prints pages as they come, at most `limit` rows. */
export async function writePages<Row>({ terminal, json }: CommandContext, pages: Pages<Row>): Promise<void> {
  const { load, columns, toJson, none } = pages;
  const table = new Table(columns, terminal);
  let left = pages.limit;
  let pageToken = '';
  let found = false;
  do {
    const { rows, nextPageToken } = await load({ pageToken, pageSize: Math.min(left, pages.pageSize) });
    if (rows.length > 0)
      await terminal.write(json ? rows.map((row) => jsonLine(toJson(row))).join('') : table.render(rows));
    found ||= rows.length > 0;
    left -= rows.length;
    pageToken = nextPageToken;
  } while (pageToken !== '' && left > 0);
  if (!found && !json) terminal.note(none);
}

/** Prints what came in one piece. */
export async function writeRows<Row>(
  context: CommandContext,
  rows: readonly Row[],
  view: Pick<Pages<Row>, 'columns' | 'toJson' | 'none'>,
): Promise<void> {
  const load = async (): Promise<Page<Row>> => await Promise.resolve({ rows, nextPageToken: '' });
  await writePages(context, { ...view, load, limit: Infinity, pageSize: Infinity });
}
