import { OmgError } from '@omg/errors';
import { CHECKS, type CheckName, type Difference, type Elsewhere, type Finding } from '../../domain/audit/finding.ts';
import { horizonOf } from '../../domain/audit/horizon.ts';
import type { DeadLetterStore } from '../dead-letters/dead-letter-ports.ts';
import type { Clock } from '../ports.ts';
import type { AuditStore, OutstandingBooks } from './audit-ports.ts';
import { checkBalances, type CheckBalancesDeps } from './check-balances.ts';
import { checkBudgets } from './check-budgets.ts';
import { checkDeadLetters } from './check-dead-letters.ts';
import { checkLogs, type CheckLogsDeps } from './check-logs.ts';
import { checkOutstanding } from './check-outstanding.ts';
import { checkRollups, type CheckRollupsDeps } from './check-rollups.ts';

export interface ReconcileDeps extends CheckBalancesDeps, Omit<CheckLogsDeps, 'letters'>, CheckRollupsDeps {
  readonly store: AuditStore;
  readonly letters: Pick<DeadLetterStore, 'all' | 'countByReason'>;
  readonly outstanding: OutstandingBooks;
  readonly clock: Clock;
  readonly retentionMs: number;
}

export interface ReconcileQuestion {
  /** None: all. */
  readonly checks: readonly string[];
  /** Differences that are told of each check; 0: the usual. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface CheckResult {
  readonly checked: number;
  readonly differences: number;
  readonly unknowable: number;
  readonly tookMs: number;
}

export type Reported = { readonly check: CheckName } & (
  | { readonly progress: number }
  | { readonly difference: Difference }
  | { readonly note: string }
  | { readonly elsewhere: Elsewhere }
  | { readonly result: CheckResult }
);

const LIMIT = { usual: 100, most: 10_000 };
const REPORT_EVERY_MS = 500;

/** Checks that are done together, because they read the same. */
interface Section {
  readonly checks: readonly CheckName[];
  readonly run: () => AsyncIterable<Finding>;
}

/** Checks the books against themselves, while charging goes on. */
export function makeReconcile(deps: ReconcileDeps): (question: ReconcileQuestion) => AsyncIterable<Reported> {
  return async function* reconcile({ checks, limit, signal }) {
    const wanted = wantedChecks(checks);
    const most = limit === 0 ? LIMIT.usual : Math.min(limit, LIMIT.most);
    const horizon = horizonOf(deps.clock.now(), deps.retentionMs);
    const sections: readonly Section[] = [
      { checks: ['balances', 'revenue'], run: () => checkBalances(deps) },
      { checks: ['entries', 'costs', 'numbers'], run: () => checkLogs(deps, horizon, signal) },
      { checks: ['budgets'], run: () => checkBudgets(deps.store, horizon) },
      { checks: ['rollups'], run: () => checkRollups(deps, horizon) },
      { checks: ['outstanding'], run: () => checkOutstanding(deps.outstanding) },
      { checks: ['dead-letters'], run: () => checkDeadLetters(deps.letters) },
    ];
    for (const section of sections) {
      if (section.checks.some((check) => wanted.has(check))) yield* runSection(section, { wanted, most, signal });
    }
  };
}

function wantedChecks(names: readonly string[]): ReadonlySet<CheckName> {
  const unknown = names.find((name) => !CHECKS.some((check) => check === name));
  if (unknown !== undefined)
    throw new OmgError('invalid_argument', `there is no check ${unknown}; there are ${CHECKS.join(', ')}`);
  return new Set(names.length === 0 ? CHECKS : CHECKS.filter((check) => names.includes(check)));
}

async function* runSection(
  { checks, run }: Section,
  { wanted, most, signal }: { wanted: ReadonlySet<CheckName>; most: number; signal: AbortSignal },
): AsyncIterable<Reported> {
  const beginMs = performance.now();
  const tallies = new Map(checks.map((check) => [check, { checked: 0, differences: 0, unknowable: 0 }]));
  let reportedMs = beginMs;
  for await (const finding of run()) {
    signal.throwIfAborted();
    const { check } = finding;
    const tally = tallies.get(check);
    if (tally === undefined || !wanted.has(check)) continue;
    if ('checked' in finding) tally.checked += finding.checked;
    else if ('unknowable' in finding) tally.unknowable += finding.unknowable;
    else if ('note' in finding || 'elsewhere' in finding) yield finding;
    else {
      tally.differences += 1;
      if (tally.differences <= most) yield { check, difference: finding.difference };
    }
    if (performance.now() - reportedMs < REPORT_EVERY_MS) continue;
    reportedMs = performance.now();
    yield { check, progress: tally.checked };
  }
  const tookMs = Math.round(performance.now() - beginMs);
  for (const [check, tally] of tallies) if (wanted.has(check)) yield { check, result: { ...tally, tookMs } };
}
