import { parseArgs } from 'node:util';
import { atLeast } from '@omg/bench';
import { DAYS_OF_YEAR } from './synthetic-year.ts';

export interface RollupsOptions {
  /** Of the year that questions are asked about, each day. */
  readonly perDay: number;
  /** The same of the year that reconcile looks at first. */
  readonly approvedPerDay: number;
  readonly rounds: number;
  /** Logs that the projection is measured with. */
  readonly projectedLogs: number;
  /** Questions that have this in their name. */
  readonly only: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

export const HELP = `scripts/bench rollups: how long questions about usage take over a year and 10 million requests.

A MongoDB of its own and the Usage service of usage-ledger, asked over gRPC as omg asks it. The year's rollups are
written by a loader: it folds seven days as the projection does, and repeats them. So that it is to be believed it
writes a small year first, whose requests are charged by usage-ledger's own charging, and omg reconcile's checks compare
the two: on any difference the benchmark ends there with the differences, and the exit status is 1. It is 1 as well when
a question's median is not below 50 ms. The table is on standard output, progress on standard error. It takes some
minutes and 3 GB of disk; measure on a quiet machine.

  --quick          a smoke test: a minute, few requests, too small to be relied on
  --entries N      requests of the year (default 10000000)
  --approved N     requests of the year that reconcile looks at (default 36500)
  --rounds N       how often each question is asked (default 20)
  --only TEXT      only questions whose name has this in it
  --json           all figures as JSON
  --help           this text

Columns: groups or points of the answer; the median, the 95th of 100 and the least of the times from asking to having
all of the answer; the CPU time of an answer, of this process (the service and who asks it, each in a thread) and of
mongod: where the machine is busy with other things it is nearer to the truth. Each question is asked five times before
it is measured. Projection: how fast logs that wait go into the rollups.
`;

/** Throws an Error whose message is one sentence for whoever called. */
export function parseRollupsOptions(args: readonly string[]): RollupsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      entries: { type: 'string' },
      approved: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick, only, json, help } = values;
  const perDay = (name: string, text: string): number => Math.round(atLeast(name, text, DAYS_OF_YEAR) / DAYS_OF_YEAR);
  return {
    perDay: perDay('--entries', values.entries ?? (quick ? '36500' : '10000000')),
    approvedPerDay: perDay('--approved', values.approved ?? (quick ? '1825' : '36500')),
    rounds: atLeast('--rounds', values.rounds ?? (quick ? '3' : '20'), 1),
    projectedLogs: quick ? 1_000 : 20_000,
    only,
    json,
    help,
  };
}
