import type { BenchOptions } from './bench-options.ts';
import type { BenchWorld } from './bench-world.ts';
import { measureBare, measureLedgers, type Figures } from './measure.ts';

/** One thing that is measured. */
export interface Row {
  readonly name: string;
  readonly accounts: number;
  readonly kind: 'bare' | 'one ledger' | 'two ledgers';
  /** The name of the row that it is compared with. */
  readonly baseline: string | undefined;
  readonly measure: () => Promise<Figures>;
}

/** Every row, each after its baseline. */
export function rowsOf(
  world: BenchWorld,
  { accountCounts, events }: Pick<BenchOptions, 'accountCounts' | 'events'>,
): readonly Row[] {
  const titleOf = (accounts: number): string =>
    accounts === 1 ? '1 account' : `${accounts.toLocaleString('en-US')} accounts`;
  // two ledgers share partitions, so one account would be one ledger's
  const shared = accountCounts.find((accounts) => accounts > 1);
  return accountCounts.flatMap((accounts): readonly Row[] => {
    const title = titleOf(accounts);
    const options = { world, accounts, events };
    const bare = `${title}, bare`;
    const row = (name: string, ledgers: number): Row => ({
      name,
      accounts,
      kind: ledgers === 1 ? 'one ledger' : 'two ledgers',
      baseline: ledgers === 1 ? bare : title,
      measure: async () => await measureLedgers({ ...options, name: name.replaceAll(/\W+/g, '-'), ledgers }),
    });
    return [
      {
        name: bare,
        accounts,
        kind: 'bare',
        baseline: undefined,
        measure: async () => await measureBare({ ...options, name: bare }),
      },
      row(title, 1),
      ...(accounts === shared ? [row(`${title}, two ledgers`, 2)] : []),
    ];
  });
}

/** Those whose name has the text in it, and what they are compared with. */
export function selectRows(rows: readonly Row[], only: string | undefined): readonly Row[] {
  if (only === undefined) return rows;
  const matching = rows.filter(({ name }) => name.includes(only));
  const wanted = new Set(matching.flatMap(({ name, baseline }) => [name, baseline]));
  return rows.filter(({ name }) => wanted.has(name));
}
