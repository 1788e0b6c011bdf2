import type { NodeProcess } from '@omg/bench';
import type { BenchOptions } from './bench-options.ts';
import { keyId, PROVIDER } from './bench-names.ts';
import type { BenchWorld } from './bench-world.ts';
import { openHeldLoad } from './held-load.ts';
import type { BrokerClient } from './holder.ts';
import type { Load } from './load.ts';
import { openStreamLoad } from './stream-load.ts';
import { makeUnaryLoad } from './unary-load.ts';

/** One thing that is measured. */
export interface Row {
  readonly name: string;
  readonly keys: number;
  readonly isEcho: boolean;
  readonly process: NodeProcess;
  readonly open: () => Promise<Load>;
  /** The name of the row that it is compared with. */
  readonly baseline: string | undefined;
}

interface Target {
  readonly client: BrokerClient;
  readonly provider: string;
  readonly keyIds: readonly string[];
}

interface Way {
  readonly name: string;
  readonly open: (target: Target) => Promise<Load>;
  /** Only with the fewest and the most keys. */
  readonly isExtreme?: boolean;
  /** The way that each of its rows is compared with; else they are compared with its first one, and that with the echo. */
  readonly comparedWith?: string;
}

export const STREAM = 'stream';
const MANY = 100;

export interface RowsOptions extends Pick<BenchOptions, 'holders' | 'inFlight'> {
  readonly connect: (process: NodeProcess) => BrokerClient;
}

/** Every row, each after its baseline. */
export function rowsOf({ brokers, echo }: BenchWorld, { holders, inFlight, connect }: RowsOptions): readonly Row[] {
  const ways: readonly Way[] = [
    { name: STREAM, open: async (target) => await openStreamLoad({ ...target, holders, inFlight }) },
    {
      name: 'stream, 1 by 1',
      open: async (target) => await openStreamLoad({ ...target, holders: 1, inFlight: 1 }),
      isExtreme: true,
    },
    { name: 'unary, 1 lease', open: async (target) => await makeUnaryLoad({ ...target, count: 1, callers: 32 }) },
    {
      name: `unary, ${MANY} leases`,
      open: async (target) => await makeUnaryLoad({ ...target, count: MANY, callers: 4 }),
    },
    { name: 'held', open: openHeldLoad, isExtreme: true, comparedWith: STREAM },
  ];
  const counts = [...brokers.keys()].toSorted((a, b) => a - b);
  const fewest = counts[0] ?? 0;
  const extremes = [...new Set([fewest, counts.at(-1) ?? fewest])];
  return ways.flatMap(({ name, open, isExtreme = false, comparedWith }) => {
    const title = (keys: number, way = name): string => `${way}, ${keys} keys`;
    const echoTitle = (keys: number): string => `${title(keys)}, echo`;
    const row = (keys: number, process: NodeProcess): Omit<Row, 'name' | 'baseline'> => ({
      keys,
      isEcho: process === echo,
      process,
      open: async () => {
        const keyIds = Array.from({ length: keys }, (_, index) => keyId(index));
        // the echo is told by it how many keys it is to name
        const provider = process === echo ? String(keys) : PROVIDER;
        return await open({ client: connect(process), provider, keyIds });
      },
    });
    const echoes = comparedWith === undefined ? extremes : [];
    return [
      ...echoes.map((keys) => ({ ...row(keys, echo), name: echoTitle(keys), baseline: undefined })),
      ...(isExtreme ? extremes : counts).flatMap((keys) => {
        const broker = brokers.get(keys);
        if (broker === undefined) return [];
        const first = keys === fewest ? echoTitle(keys) : title(fewest);
        const baseline = comparedWith === undefined ? first : title(keys, comparedWith);
        return [{ ...row(keys, broker), name: title(keys), baseline }];
      }),
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
