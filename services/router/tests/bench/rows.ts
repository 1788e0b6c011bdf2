import type { BenchOptions } from './bench-options.ts';
import type { BenchWorld } from './bench-world.ts';
import type { Exchange } from './exchanges.ts';
import { closedLoad, pacedLoad, steadyLoad, type LoadResult, type Target } from './load.ts';
import { measure, type Figures } from './measure.ts';
import type { Variant } from './variants.ts';

/** One thing that is measured, with one variant between client and upstream. */
export interface Row {
  readonly name: string;
  readonly thing: string;
  readonly variant: Variant['name'];
  readonly measure: (world: BenchWorld, variant: Variant, round: number) => Promise<Figures>;
}

interface Thing {
  readonly name: string;
  readonly exchange: Exchange;
  readonly variants: readonly Variant['name'][];
  readonly eventsEach?: number;
  readonly load: (target: Target, world: BenchWorld) => Promise<LoadResult>;
}

const CONNECTIONS = 32;
const STEADY_PER_S = 50;
const PACE_MS = 100;
const ALL = ['direct', 'nginx', 'bare', 'omg', 'portkey'] as const;

interface RowOptions extends Pick<BenchOptions, 'measureMs' | 'streamCounts' | 'profileDir'> {
  /** Not less, however long they take. */
  readonly requests?: number;
}

function thingsOf({ measureMs: forMs, streamCounts, requests = 0 }: RowOptions): readonly Thing[] {
  const closed = async (target: Target): Promise<LoadResult> =>
    await closedLoad(target, { connections: CONNECTIONS, forMs, requests });
  // they all begin at once, which is not what is measured
  const events = Math.max(10, Math.round((forMs * 2) / PACE_MS));
  return [
    { name: 'json', exchange: { name: 'json', asksForUsage: true }, variants: ALL, load: closed },
    // Portkey 1.15 answers no stream on this Node: it changes headers that cannot be changed
    {
      name: 'sse',
      exchange: { name: 'burst', asksForUsage: true },
      variants: ['direct', 'nginx', 'bare', 'omg'],
      load: closed,
    },
    {
      name: 'sse injected',
      exchange: { name: 'burst', asksForUsage: false },
      variants: ['direct', 'nginx', 'omg'],
      load: closed,
    },
    ...streamCounts.map((streams): Thing => ({
      name: `paced ${streams}`,
      exchange: { name: 'paced', asksForUsage: true },
      variants: ['direct', 'nginx', 'omg'],
      eventsEach: events,
      load: async (target, { upstream }) => {
        upstream.setPace({ everyMs: PACE_MS, events });
        return await pacedLoad(target, streams);
      },
    })),
    {
      name: 'delay',
      exchange: { name: 'json', asksForUsage: true },
      variants: ALL,
      load: async (target) => await steadyLoad(target, { perS: STEADY_PER_S, forMs }),
    },
  ];
}

/** Every row, those of a thing one after the other. */
export function rowsOf(options: RowOptions): readonly Row[] {
  return thingsOf(options).flatMap(({ name, exchange, variants, eventsEach = 1, load }) =>
    variants.map((variant) => ({
      name: `${name}, ${variant}`,
      thing: name,
      variant,
      measure: async (world, measured, round) =>
        await measure({
          world,
          variant: measured,
          exchange,
          eventsEach,
          load: async (target) => await load(target, world),
          profile:
            options.profileDir === undefined
              ? undefined
              : { directory: options.profileDir, name: `${name.replaceAll(' ', '-')}-${round}` },
        }),
    })),
  );
}

/** Those whose name has the text in it, and what they are compared with. */
export function selectRows(rows: readonly Row[], only: string | undefined): readonly Row[] {
  if (only === undefined) return rows;
  const matching = rows.filter(({ name }) => name.includes(only));
  const things = new Set(matching.map(({ thing }) => thing));
  return rows.filter(
    (row) => matching.includes(row) || (things.has(row.thing) && (row.variant === 'direct' || row.variant === 'nginx')),
  );
}
