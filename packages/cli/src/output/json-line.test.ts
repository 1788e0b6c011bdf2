import { expect, test } from 'vitest';
import { jsonLine } from './json-line.ts';

test('whole numbers that a double holds are numbers, others strings, times ISO 8601 in UTC', () => {
  const line = jsonLine({
    small: 2n ** 53n - 1n,
    big: 2n ** 53n + 1n,
    list: [{ n: -1n }],
    at: new Date(0),
  });
  expect(line).toBe(
    `{"small":9007199254740991,"big":"9007199254740993","list":[{"n":-1}],"at":"1970-01-01T00:00:00.000Z"}\n`,
  );
});
