import { OmgError } from '@omg/errors';
import { USAGE_PARTITIONS, partitionOf } from '@omg/messaging';
import type { Mongo } from '@omg/mongo';
import { pause } from '@omg/service';
import { makeReconcile, type CheckResult } from '../../../src/app/audit/reconcile.ts';
import type { CheckName } from '../../../src/domain/audit/finding.ts';
import { GUARD_HORIZON_DAYS } from '../../../src/domain/guard-horizon.ts';
import { DAY_MS } from '../../../src/domain/rollup-period.ts';
import { readEvent } from '../../../src/messaging/read-event.ts';
import { MongoAudit } from '../../../src/store/audit/mongo-audit.ts';
import { MongoBooks } from '../../../src/store/mongo-books.ts';
import { MongoDeadLetters } from '../../../src/store/mongo-dead-letters.ts';
import { MongoPrices } from '../../../src/store/mongo-prices.ts';
import { MongoRequestLogs } from '../../../src/store/mongo-request-logs.ts';
import { MongoRollups } from '../../../src/store/mongo-rollups.ts';
import { idOf } from '../../../src/store/rollup-document.ts';
import { makeAccounts } from '../books.ts';
import { chargeRequests } from './charge-requests.ts';
import { loadYear, type LoadYearOptions } from './load-year.ts';
import { DAYS_OF_YEAR, POPULATION, PRICES, SERVER_RETENTION_MS, YEAR, requestsOfYear } from './synthetic-year.ts';

// what routers hold is in the memory of owners, and none of these requests came by budgets
const CHECKS = ['balances', 'revenue', 'entries', 'costs', 'numbers', 'rollups', 'dead-letters'] as const;
/** Nothing of the year is so old that its logs could be gone. */
const RETENTION_MS = YEAR.endMs - YEAR.startMs + (GUARD_HORIZON_DAYS + 1) * DAY_MS;
const MOST_TOLD = 20;

export interface Approval {
  readonly requests: number;
  readonly checks: readonly (CheckResult & { readonly check: CheckName })[];
  /** `check: of: what: expected X, found Y`; of each check the first ones. */
  readonly differences: readonly string[];
}

/** A year in which every request is charged, by charging itself, and the rollups are the loader's. */
export async function loadChargedYear(mongo: Mongo, options: LoadYearOptions): Promise<void> {
  const rollups = new MongoRollups(mongo);
  const logs = new MongoRequestLogs(mongo);
  await Promise.all([
    rollups.createIndexes(),
    logs.createIndexes({ retentionMs: SERVER_RETENTION_MS }),
    new MongoPrices(mongo).append(PRICES),
    makeAccounts(mongo.db, POPULATION.tenants, 0n),
  ]);
  const { perDay, onProgress, signal } = options;
  await chargeRequests(mongo, { requests: requestsOfYear(perDay), signal });
  onProgress(`charged ${perDay * DAYS_OF_YEAR} requests`);
  await loadYear(mongo, options);
  // as the projection leaves it when everything that is charged is in the rollups
  const ends = Array.from({ length: USAGE_PARTITIONS }, async (_, at) => [at, await logs.end(at)] as const);
  await rollups.add({ from: await rollups.state(), positions: new Map(await Promise.all(ends)), rows: [] });
}

/** What `omg reconcile` says of it. */
export async function reconcileYear(mongo: Mongo, { signal }: { readonly signal: AbortSignal }): Promise<Approval> {
  const books = new MongoBooks(mongo);
  const reconcile = makeReconcile({
    store: new MongoAudit(mongo),
    letters: new MongoDeadLetters(mongo),
    outstanding: {
      list: async () => await Promise.reject(new OmgError('failed_precondition', 'there are no owners to be asked')),
    },
    prices: new MongoPrices(mongo),
    partitions: USAGE_PARTITIONS,
    partitionOf,
    rowId: idOf,
    readEvent,
    known: async (requestIds) => await books.known(requestIds),
    pause,
    clock: { now: () => new Date(YEAR.endMs) },
    retentionMs: RETENTION_MS,
  });
  const checks: (CheckResult & { check: CheckName })[] = [];
  const differences: string[] = [];
  for await (const reported of reconcile({ checks: CHECKS, limit: MOST_TOLD, signal })) {
    const { check } = reported;
    if ('result' in reported) checks.push({ check, ...reported.result });
    if ('note' in reported) differences.push(`${check}: ${reported.note}`);
    if (!('difference' in reported)) continue;
    const { subject, what, expected, found } = reported.difference;
    differences.push(`${check}: ${subject}: ${what}: expected ${expected}, found ${found}`);
  }
  return { requests: await mongo.db.collection('request_logs').countDocuments(), checks, differences };
}

/** Why the loader is not to be believed; empty where it is. */
export function objectionsTo({ requests, checks, differences }: Approval, expected: number): readonly string[] {
  const checked = (name: CheckName): number => checks.find(({ check }) => check === name)?.checked ?? 0;
  const facts: readonly (readonly [string, boolean])[] = [
    [`${requests} requests are charged instead of ${expected}`, requests !== expected],
    [`the costs of ${checked('costs')} requests were checked instead of ${expected}`, checked('costs') !== expected],
    ['no rollup was checked', checked('rollups') === 0],
    ...checks.map(({ check, unknowable }) => [`${check}: ${unknowable} could not be checked`, unknowable > 0] as const),
    ...checks.map(({ check, differences: count }) => [`${check}: ${count} differences`, count > 0] as const),
  ];
  return [...facts.flatMap(([fact, isSo]) => (isSo ? [fact] : [])), ...differences];
}
