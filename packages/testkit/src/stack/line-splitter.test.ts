import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

function split(...chunks: readonly Buffer[]): readonly string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

test('lines are whole however the bytes were cut', () => {
  const bytes = Buffer.from('one\r\ntwö\n\nthree');
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    );
    expect(split(...chunks)).toEqual(['one', 'twö', 'three']);
  }
});

test('a line without an end is given out in pieces instead of growing for ever', () => {
  const chunk = Buffer.alloc(60_000, 'x');
  const lines = split(chunk, chunk, chunk, chunk);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.join('')).toHaveLength(240_000);
});
