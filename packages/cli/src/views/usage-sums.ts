import type { usageV1 } from '@omg/proto-gen';
import { CommandFailure } from '../failures.ts';
import { NOTHING, decimalUsd, formatCount, formatMs, formatUsd } from '../output/format.ts';
import type { Column } from '../output/table.ts';

/** Sums with all their parts. */
export interface UsageRow {
  /** What it is of, in the order of what was grouped by; empty for the whole. */
  readonly values: readonly string[];
  readonly sums: usageV1.Sums;
}

export function rowOf({ values, sums }: { values: readonly string[]; sums: usageV1.Sums | undefined }): UsageRow {
  if (sums === undefined) throw new CommandFailure('usage-ledger: an answer came without its sums');
  return { values, sums };
}

type Columns = readonly Column<UsageRow>[];

/** What the rows are of. */
export function valueColumns(by: readonly string[]): Columns {
  return by.map((name, index) => ({
    title: name.replace('-', ' ').toUpperCase(),
    value: ({ values: { [index]: value = '' } }) => value || NOTHING,
  }));
}

export const TRAFFIC_COLUMNS: Columns = [
  count('REQUESTS', ({ requests }) => requests),
  { title: 'SUCCESS', align: 'right', value: ({ sums }) => formatShare(sums.successes, sums.requests) },
];

export const TOKEN_COLUMNS: Columns = [
  count('INPUT', ({ tokens }) => tokens?.input ?? 0n, 3),
  count('CACHE WRITE', ({ tokens }) => (tokens?.cacheWrite5m ?? 0n) + (tokens?.cacheWrite1h ?? 0n), 1),
  count('CACHE READ', ({ tokens }) => tokens?.cacheRead ?? 0n, 1),
  count('OUTPUT', ({ tokens }) => tokens?.output ?? 0n, 3),
];

export const COST_COLUMN: Column<UsageRow> = usd('COST', ({ costNanoUsd }) => costNanoUsd);

export const TIMING_COLUMNS: Columns = [
  ms('P50', ({ latency }) => latency?.p50Ms),
  ms('P95', ({ latency }) => latency?.p95Ms),
  ms('P99', ({ latency }) => latency?.p99Ms, 4),
  ms('FIRST P50', ({ firstToken }) => firstToken?.p50Ms, 2),
  ms('FIRST P95', ({ firstToken }) => firstToken?.p95Ms, 2),
  ms('FIRST P99', ({ firstToken }) => firstToken?.p99Ms, 1),
];

export const MARGIN_COLUMNS: Columns = [
  count('REQUESTS', ({ requests }) => requests, 1),
  usd('CHARGED', ({ costNanoUsd }) => costNanoUsd),
  usd('LIST COST', ({ listCostNanoUsd }) => listCostNanoUsd),
  usd('MARGIN', marginOf),
  { title: 'OF LIST', align: 'right', value: ({ sums }) => formatShare(marginOf(sums), sums.listCostNanoUsd) },
];

export function marginOf({ costNanoUsd, listCostNanoUsd }: usageV1.Sums): bigint {
  return costNanoUsd - listCostNanoUsd;
}

/** `99.1 %` */
export function formatShare(part: bigint, whole: bigint): string {
  return whole === 0n ? NOTHING : `${((Number(part) / Number(whole)) * 100).toFixed(1)} %`;
}

/** For programs: money as decimal text and as an exact whole number, what is not known as null. */
export function sumsToJson({ sums }: Pick<UsageRow, 'sums'>): object {
  return {
    requests: sums.requests,
    successes: sums.successes,
    failures: Object.fromEntries(sums.failures.map((failure) => [failure.kind, failure.count])),
    tokens: sums.tokens ?? null,
    costUsd: decimalUsd(sums.costNanoUsd),
    costNanoUsd: sums.costNanoUsd.toString(),
    listCostUsd: decimalUsd(sums.listCostNanoUsd),
    listCostNanoUsd: sums.listCostNanoUsd.toString(),
    marginUsd: decimalUsd(marginOf(sums)),
    latency: timingToJson(sums.latency),
    firstToken: timingToJson(sums.firstToken),
  };
}

/** By the words of the options that they were grouped by. */
export function rowToJson(by: readonly string[]): (row: UsageRow) => object {
  return (row) => ({
    ...Object.fromEntries(by.map((name, index) => [name, row.values[index] ?? ''])),
    ...sumsToJson(row),
  });
}

function timingToJson(timing: usageV1.Timing | undefined): object | null {
  if (timing === undefined || timing.count === 0n) return null;
  const { count: requests, meanMs, p50Ms, p95Ms, p99Ms } = timing;
  return { requests, meanMs, p50Ms: p50Ms ?? null, p95Ms: p95Ms ?? null, p99Ms: p99Ms ?? null };
}

function count(title: string, of: (sums: usageV1.Sums) => bigint, leaveOut?: number): Column<UsageRow> {
  return right(title, ({ sums }) => formatCount(of(sums)), leaveOut);
}

function usd(title: string, of: (sums: usageV1.Sums) => bigint): Column<UsageRow> {
  return right(title, ({ sums }) => formatUsd(of(sums), 9));
}

function ms(title: string, of: (sums: usageV1.Sums) => bigint | undefined, leaveOut?: number): Column<UsageRow> {
  return right(
    title,
    ({ sums }) => {
      const value = of(sums);
      return value === undefined ? NOTHING : formatMs(Number(value));
    },
    leaveOut,
  );
}

function right(title: string, value: (row: UsageRow) => string, leaveOut?: number): Column<UsageRow> {
  return { title, align: 'right', value, ...(leaveOut === undefined ? {} : { leaveOut }) };
}
