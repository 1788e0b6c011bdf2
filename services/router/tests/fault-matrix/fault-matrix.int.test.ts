import { expect, test } from 'vitest';
import { makeCells } from './cells.ts';
import { runCell } from './run-cell.ts';

const { byFault, count, leftOut } = makeCells();

test.each([...byFault])('%s', async (_fault, cells) => {
  const results = await Promise.allSettled(cells.map(runCell));
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${cells[index]?.name ?? ''}: ${String(result.reason)}`] : [],
  );
  expect(failures).toEqual([]);
});

test('no cell is missing, and each that is left out has its reason', () => {
  const left = leftOut.reduce((sum, { faults }) => sum + faults.length, 0);
  const lines = leftOut.map(
    ({ moment, reason, faults }) => `${faults.length} ${moment}, because ${reason}: ${faults.join(', ')}`,
  );
  process.stdout.write([`fault matrix: ${count} cells, ${left} left out`, ...lines, ''].join('\n'));
  expect([byFault.size, count, left]).toEqual([80, 770, 760]);
});
