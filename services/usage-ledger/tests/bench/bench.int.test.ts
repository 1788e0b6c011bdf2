import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);

interface Row {
  readonly name: string;
  readonly eventsPerS: { readonly median: number };
  readonly cpuUsPerEvent: { readonly median: number };
  readonly faults: readonly string[];
  readonly compared?: { readonly baseline: string; readonly eventsPerS: { readonly median: number } };
}

test(
  'scripts/bench ledger measures each row on real ledgers, and the books are right',
  { timeout: 240_000 },
  async () => {
    const args = ['--quick', '--accounts', '1,20', '--events', '10000', '--json'];
    const { stdout } = await execute(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is checked below
    const { rows } = JSON.parse(stdout) as { readonly rows: readonly Row[] };

    expect(rows.map(({ name, compared }) => [name, compared?.baseline])).toEqual([
      ['1 account, bare', undefined],
      ['1 account', '1 account, bare'],
      ['20 accounts, bare', undefined],
      ['20 accounts', '20 accounts, bare'],
      ['20 accounts, two ledgers', '20 accounts'],
    ]);
    for (const { eventsPerS, cpuUsPerEvent, faults, compared } of rows) {
      expect(faults).toEqual([]);
      expect(eventsPerS.median).toBeGreaterThan(0);
      expect(cpuUsPerEvent.median).toBeGreaterThan(0);
      expect(compared?.eventsPerS.median ?? 1).toBeGreaterThan(0);
    }
  },
);
