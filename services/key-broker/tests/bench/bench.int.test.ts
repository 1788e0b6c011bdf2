import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);

interface Row {
  readonly name: string;
  readonly slotsPerS: { readonly median: number };
  readonly cpuUsPerSlot: { readonly median: number };
  readonly compared?: { readonly baseline: string; readonly slotsPerS: { readonly median: number } };
}

test('scripts/bench broker measures each row and its baseline on a real broker', { timeout: 60_000 }, async () => {
  const args = ['--keys', '10', '--repetitions', '1', '--seconds', '0.05', '--in-flight', '8', '--json'];
  const { stdout } = await execute(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is checked below
  const { rows } = JSON.parse(stdout) as { readonly rows: readonly Row[] };

  expect(rows.map(({ name, compared }) => [name, compared?.baseline])).toEqual([
    ['stream, 10 keys, echo', undefined],
    ['stream, 10 keys', 'stream, 10 keys, echo'],
    ['stream, 1 by 1, 10 keys, echo', undefined],
    ['stream, 1 by 1, 10 keys', 'stream, 1 by 1, 10 keys, echo'],
    ['unary, 1 lease, 10 keys, echo', undefined],
    ['unary, 1 lease, 10 keys', 'unary, 1 lease, 10 keys, echo'],
    ['unary, 100 leases, 10 keys, echo', undefined],
    ['unary, 100 leases, 10 keys', 'unary, 100 leases, 10 keys, echo'],
    ['held, 10 keys', 'stream, 10 keys'],
  ]);
  for (const { slotsPerS, cpuUsPerSlot, compared } of rows) {
    expect(slotsPerS.median).toBeGreaterThan(0);
    expect(cpuUsPerSlot.median).toBeGreaterThan(0);
    expect(compared?.slotsPerS.median ?? 1).toBeGreaterThan(0);
  }
});
