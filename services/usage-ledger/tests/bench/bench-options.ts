import { parseArgs } from 'node:util';
import { atLeast } from '@omg/bench';

export interface BenchOptions {
  readonly accountCounts: readonly number[];
  /** Of each measurement. */
  readonly events: number;
  readonly repetitions: number;
  /** Rows whose name has this in it, and what they are compared with. */
  readonly only: string | undefined;
  readonly json: boolean;
  /** Where the ledgers write CPU profiles. */
  readonly profileDir: string | undefined;
  readonly help: boolean;
}

export const HELP = `scripts/bench ledger: how many usage events one usage-ledger process charges per second.

Real processes: MongoDB, NATS, a usage-ledger on a core of its own. For each measurement a new ledger is started on a
new stream. When it owns what there is, or two have shared it out, the stream is filled with batches of 100 events, as
routers send them: what is measured is from then to the last commit. Then the books are checked: each event charged
once, and accounts, entries and logs agree with a sum that is made in another way; else the row says VOID, and the exit
status is 1. The table is on standard output, progress on standard error. It takes five minutes; measure on a quiet
machine.

  --quick            a smoke test: a minute or two, few events, too short to be relied on
  --accounts LIST    numbers of accounts (default 1,50,100000)
  --events N         events of each measurement (default 100000)
  --repetitions N    how often each row is measured, in turn with the others (default 3)
  --only TEXT        only rows whose name has this in it, and what they are compared with
  --json             all figures as JSON
  --profile DIR      the ledgers run with --cpu-prof and leave their profiles there
  --help             this text

Rows: bare is a program on the same core that finds and inserts the same documents, 500 in a transaction, without
stream, protobuf, prices and rollups: MongoDB and its driver. Columns: events/s; us/event CPU time of the ledgers and of
mongod, system and all threads included; events/CPU s what a whole core would come to at the ledger's cost; ledger,
mongod, NATS and others the parts of a core that were in use; then the row as multiple of the one that it is compared
with, by repetition. Figures are medians [least..most].
`;

/** Throws an Error whose message is one sentence for whoever called. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      accounts: { type: 'string' },
      events: { type: 'string' },
      repetitions: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick } = values;
  return {
    accountCounts: (values.accounts ?? (quick ? '1,1000' : '1,50,100000'))
      .split(',')
      .map((text) => atLeast('--accounts', text, 1)),
    events: atLeast('--events', values.events ?? (quick ? '50000' : '100000'), 10_000),
    repetitions: atLeast('--repetitions', values.repetitions ?? (quick ? '1' : '3'), 1),
    only: values.only,
    json: values.json,
    profileDir: values.profile,
    help: values.help,
  };
}
