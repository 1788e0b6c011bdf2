import { expect, test } from 'vitest';
import { fieldChanges } from './field-changes.ts';

test('names what differs and nothing else', () => {
  const at = new Date('2026-11-21T12:00:00Z');
  const before = { name: 'a', list: ['x'], limits: {}, sum: 12n, gone: at, same: { deep: [1n] }, other: 'untouched' };
  const after = { name: 'b', list: [], limits: { rpm: 5 }, sum: 12n, gone: undefined, same: { deep: [1n] } };
  expect(fieldChanges(before, after)).toEqual([
    { field: 'name', from: 'a', to: 'b' },
    { field: 'list', from: '["x"]', to: '' },
    { field: 'limits', from: '', to: '{"rpm":5}' },
    { field: 'gone', from: '"2026-11-21T12:00:00.000Z"', to: '' },
  ]);
});
