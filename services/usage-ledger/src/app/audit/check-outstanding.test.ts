import { expect, test } from 'vitest';
import type { OutstandingRow } from './audit-ports.ts';
import { checkOutstanding } from './check-outstanding.ts';

const row = (change: Partial<OutstandingRow>): OutstandingRow => ({
  partition: 3,
  scope: 'tenant/t1/money',
  holderEpoch: 'epoch-1',
  live: true,
  amounts: { money: 5n, requests: 0n },
  ...change,
});

async function namesOf(rows: readonly OutstandingRow[]): Promise<readonly string[]> {
  const list = async () => await Promise.resolve({ rows, elsewhere: new Map([['ledger-2:7101', [2, 3]]]) });
  const findings = await Array.fromAsync(checkOutstanding({ list }));
  expect(findings.at(-2)).toEqual({ check: 'outstanding', checked: rows.length });
  const elsewhere = { address: 'ledger-2:7101', partitions: [2, 3] };
  expect(findings.at(-1)).toEqual({ check: 'outstanding', elsewhere });
  return findings.flatMap((finding) =>
    'difference' in finding ? [`${finding.difference.what}: ${finding.difference.found}`] : [],
  );
}

test('what the living have is 0 or more, and what the dead have is 0', async () => {
  expect(await namesOf([])).toEqual([]);
  expect(await namesOf([row({}), row({ live: false, amounts: { money: 0n } })])).toEqual([]);
  expect(await namesOf([row({ amounts: { money: -1n, requests: 2n } })])).toEqual(['money of a live holder: -1']);
  expect(await namesOf([row({}), row({ live: false })])).toEqual(['money of a dead holder: 5']);
});
