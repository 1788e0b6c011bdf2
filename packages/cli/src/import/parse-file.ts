import { RowFault } from './row-fault.ts';

/** How one kind of thing is written in a file. */
export interface RowFormat<Item> {
  /** Of a line that is no JSON; throws a RowFault. */
  readonly fromText: (text: string) => Item;
  /** Of a JSON object; throws a RowFault. */
  readonly fromObject: (members: object) => Item;
  readonly idOf: (item: Item) => string;
  /** What must not come twice, each with its name in words. */
  readonly uniqueOf: (item: Item) => Readonly<Record<string, string>>;
}

export interface ParsedFile<Item> {
  /** What `number` counts, from 1: lines, or the elements of an array. */
  readonly unit: 'line' | 'entry';
  readonly entries: readonly Entry<Item>[];
  readonly refusals: readonly Refusal[];
}

export interface Entry<Item> {
  readonly number: number;
  readonly id: string;
  readonly item: Item;
}

export interface Refusal {
  readonly number: number;
  /** Empty where the row is too faulty to have one. */
  readonly id: string;
  readonly reason: string;
}

/**
 * A JSON array of objects, or lines: each a JSON object, or the text of the format; empty ones and those that begin
 * with # are left out. A faulty row is refused and the others are taken.
 */
export function parseFile<Item>(text: string, format: RowFormat<Item>): ParsedFile<Item> {
  const isArray = text.trimStart().startsWith('[');
  const entries: Entry<Item>[] = [];
  const refusals: Refusal[] = [];
  const seen = new Map<string, number>();
  const unit = isArray ? 'entry' : 'line';
  for (const [number, read] of isArray ? elementsOf(text, format) : linesOf(text, format)) {
    let id = '';
    try {
      const item = read();
      id = format.idOf(item);
      for (const [what, value] of Object.entries(format.uniqueOf(item))) {
        const first = seen.get(`${what} ${value}`);
        if (first !== undefined) throw new RowFault(`it has the ${what} of ${unit} ${first}`);
      }
      for (const [what, value] of Object.entries(format.uniqueOf(item))) seen.set(`${what} ${value}`, number);
      entries.push({ number, id, item });
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      refusals.push({ number, id, reason: error.message });
    }
  }
  return { unit, entries, refusals };
}

type Row<Item> = readonly [number: number, read: () => Item];

function elementsOf<Item>(text: string, format: RowFormat<Item>): readonly Row<Item>[] {
  try {
    const elements = parseJson(text);
    // it begins with [
    if (!Array.isArray(elements)) return [];
    return elements.map((element: unknown, index) => [index + 1, () => format.fromObject(objectOf(element))]);
  } catch (error) {
    const refuse = (): never => {
      throw error;
    };
    return [[1, refuse]];
  }
}

function* linesOf<Item>(text: string, format: RowFormat<Item>): Iterable<Row<Item>> {
  for (const [index, line] of text.split('\n').entries()) {
    const row = line.trim();
    if (row === '' || row.startsWith('#')) continue;
    yield [index + 1, () => (row.startsWith('{') ? format.fromObject(objectOf(parseJson(row))) : format.fromText(row))];
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's own words quote the text
    throw new RowFault('it is not valid JSON');
  }
}

function objectOf(value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new RowFault('a JSON object is expected');
}
