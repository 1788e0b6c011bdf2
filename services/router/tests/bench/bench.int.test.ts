import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);

interface Row {
  readonly name: string;
  readonly perS: { readonly median: number };
  readonly cpuUs?: { readonly median: number };
  readonly faults: readonly string[];
}

test(
  'scripts/bench router measures the router, and what was answered is what was charged',
  { timeout: 120_000 },
  async () => {
    const args = ['--quick', '--only', 'omg', '--json'];
    const { stdout } = await execute(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is checked below
    const { rows } = JSON.parse(stdout) as { readonly rows: readonly Row[] };

    expect(rows.map(({ name }) => name).filter((name) => !name.endsWith('nginx'))).toEqual([
      'json, direct',
      'json, omg',
      'sse, direct',
      'sse, omg',
      'sse injected, direct',
      'sse injected, omg',
      'paced 50, direct',
      'paced 50, omg',
      'delay, direct',
      'delay, omg',
    ]);
    for (const { name, perS, cpuUs, faults } of rows) {
      expect(faults).toEqual([]);
      expect(perS.median).toBeGreaterThan(0);
      if (name.endsWith(', omg')) expect(cpuUs?.median).toBeGreaterThan(0);
    }
  },
);
