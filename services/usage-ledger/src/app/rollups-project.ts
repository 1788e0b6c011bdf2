import { RollupFold, type RollupEntry } from '../domain/rollup-fold.ts';
import type { PriceStore } from './ports.ts';
import { ListPrices } from './list-prices.ts';
import type { ChargedLog, RollupState, RollupStore } from './rollup-ports.ts';

export interface ProjectRollupsDeps {
  readonly store: RollupStore;
  readonly prices: Pick<PriceStore, 'all'>;
  readonly partitions: number;
  /** Logs in one transaction, at most. */
  readonly batchLogs: number;
  /** Rows of days that a transaction changes before it is closed, so that it ends long before the server would end it. */
  readonly batchRows: number;
}

export interface Projected {
  readonly logs: number;
  readonly rows: number;
  /** There may be more. */
  readonly full: boolean;
}

/** As few as are read at once where each changes many rows. */
const FEWEST_LOGS = 50;

/** Puts what was charged since into the rollups, in one transaction with the positions behind it. */
export function makeProjectRollups(deps: ProjectRollupsDeps): () => Promise<Projected> {
  const { store, partitions, batchLogs, batchRows } = deps;
  const listPrices = new ListPrices(deps.prices);
  // a partition that always has more must not keep the others waiting
  let first = 0;
  let [maxLogs, maxRows] = [batchLogs, batchRows];
  return async () => {
    const from = await store.state();
    first = (first + 1) % partitions;
    const order = Array.from({ length: partitions }, (_, at) => (first + at) % partitions);
    const logs = await readOn(store, { from, partitions: order, limit: maxLogs });
    await listPrices.load(logs.map(({ priceVersion }) => priceVersion));
    const fold = new RollupFold();
    const positions = new Map(from.positions);
    let taken = 0;
    for (const log of logs) {
      if (fold.size >= maxRows) break;
      fold.add(toRollupEntry(log, listPrices));
      positions.set(log.partition, log.order);
      taken += 1;
    }
    const full = taken === maxLogs || taken < logs.length;
    const rows = fold.rows();
    if (taken > 0) await addOrShrink({ from, positions, rows });
    // not many more are read than fit
    maxLogs = Math.min(batchLogs, Math.max(FEWEST_LOGS, taken * 2));
    return { logs: taken, rows: rows.length, full };
  };

  /** A server that is slow ends long transactions: what failed is tried again in smaller parts. */
  async function addOrShrink(change: Parameters<RollupStore['add']>[0]): Promise<void> {
    try {
      await store.add(change);
      maxRows = Math.min(batchRows, maxRows * 2);
    } catch (error) {
      maxRows = Math.ceil(maxRows / 2);
      throw error;
    }
  }
}

/** What was charged after the state, from one partition after the other. */
async function readOn(
  store: Pick<RollupStore, 'chargedAfter'>,
  { from, partitions, limit }: { from: RollupState; partitions: readonly number[]; limit: number },
): Promise<readonly ChargedLog[]> {
  const logs: ChargedLog[] = [];
  for (const partition of partitions) {
    if (logs.length >= limit) break;
    const order = from.positions.get(partition) ?? 0n;
    logs.push(...(await store.chargedAfter({ partition, order, limit: limit - logs.length })));
  }
  return logs;
}

/** As a log counts in the rollups. */
export function toRollupEntry(log: ChargedLog, listPrices: ListPrices): RollupEntry {
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = log.tokens;
  return {
    ...log,
    tokens: {
      input: Number(input),
      output: Number(output),
      cacheWrite5m: Number(cacheWrite5m),
      cacheWrite1h: Number(cacheWrite1h),
      cacheRead: Number(cacheRead),
    },
    listCostNanoUsd: listPrices.costNanoUsd(log.tokens, log.priceVersion),
  };
}
