import { expect, test } from 'vitest';
import { renderBar } from './bar.ts';

test.each([
  [0, ''],
  [100, '████'],
  [50, '██'],
  [53, '██▏'],
  [0.001, '▏'],
  [-3, ''],
])('%d of 100 in a width of 4 is "%s"', (value, bar) => {
  expect(renderBar(value, { most: 100, width: 4 })).toBe(bar);
});

test('of nothing there is no bar', () => {
  expect(renderBar(0, { most: 0, width: 4 })).toBe('');
});
