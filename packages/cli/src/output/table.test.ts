import { expect, test } from 'vitest';
import { Table, type Column } from './table.ts';

interface Row {
  readonly name: string;
  readonly count: number;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: ({ name }) => name },
  {
    title: 'COUNT',
    align: 'right',
    value: ({ count }) => String(count),
    style: ({ count }) => (count > 9 ? 'red' : undefined),
  },
  { title: 'NOTE', value: () => 'note', leaveOut: 2 },
  { title: 'LAST', value: ({ name }) => `of ${name}`, leaveOut: 1 },
];
const ROWS: readonly Row[] = [
  { name: 'a', count: 1 },
  { name: 'longer', count: 12345678 },
];
const plain = { columns: undefined, paint: (_: string, text: string) => text };

test('text stands left, numbers right, and no line ends in blanks', () => {
  expect(new Table(COLUMNS, plain).render(ROWS)).toBe(
    ['NAME       COUNT  NOTE  LAST\n', 'a              1  note  of a\n', 'longer  12345678  note  of longer\n'].join(
      '',
    ),
  );
});

test('colours do not move columns', () => {
  const coloured = {
    columns: undefined,
    paint: (style: string, text: string) => `<${style}>${text}</>`,
  };
  const text = new Table(COLUMNS, coloured).render(ROWS);
  expect(text).toContain('<red>12345678</>');
  expect(text.replaceAll(/<[^>]*>/g, '')).toBe(new Table(COLUMNS, plain).render(ROWS));
});

test.each([
  [33, 'NAME       COUNT  NOTE  LAST'],
  [32, 'NAME       COUNT  NOTE'],
  [21, 'NAME       COUNT'],
  [3, 'NAME       COUNT'],
])('in %d columns the least important ones are left out first, and the others stay whole', (columns, title) => {
  expect(new Table(COLUMNS, { ...plain, columns }).render(ROWS).split('\n')[0]).toBe(title);
});

test('a table that comes in parts has one title, and its columns stay', () => {
  const table = new Table(COLUMNS, plain);
  const [first, second] = [table.render(ROWS), table.render(ROWS.slice(0, 1))];
  expect(first.split('\n')[1]).toBe(second.trimEnd());
});

test('what comes from outside cannot steer the terminal', () => {
  const text = new Table(COLUMNS, plain).render([{ name: '\u001B[2J\n\u202E', count: 1 }]);
  expect(text).toContain(String.raw`\u{1b}[2J\u{a}\u{202e}`);
});
