import { expect, test } from 'vitest';
import { parseBooksCsv } from './parse-books-csv.ts';

test('columns come in any order, some may be missing, and cells may be quoted', () => {
  const text = [
    '\uFEFFModel,Request ID,input,Output,cache-read,started_at,price',
    '"m, ""large""",req_1,25,20,7,2026-11-01T09:30:00Z,0.1',
    '',
    'm,req_2,1,,0,,',
  ].join('\r\n');
  expect(parseBooksCsv(text, 'books.csv').rows).toEqual([
    {
      requestId: 'req_1',
      model: 'm, "large"',
      startedAtMs: Date.UTC(2026, 10, 1, 9, 30),
      input: 25,
      output: 20,
      cacheRead: 7,
      cacheWrite5m: undefined,
      cacheWrite1h: undefined,
    },
    expect.objectContaining({ requestId: 'req_2', input: 1, output: 0, cacheRead: 0, startedAtMs: undefined }),
  ]);
});

test.each([
  ['request_id,input', 'books.csv has no column output'],
  ['request_id,input,output\nr,1.5,2', 'books.csv, line 2: input must be a whole number'],
  ['request_id,input,output\nr,1,-2', 'books.csv, line 2: output must be a whole number'],
  ['request_id,input,output\n\n,1,2', 'books.csv, line 3: there is no request_id'],
  ['request_id,input,output,started_at\nr,1,2,yesterday', 'books.csv, line 2: started_at must be a time'],
])('%j is refused', (text, sentence) => {
  expect(() => parseBooksCsv(text, 'books.csv')).toThrow(sentence);
});
