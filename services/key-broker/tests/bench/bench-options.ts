import { parseArgs } from 'node:util';
import { atLeast } from '@omg/bench';

export interface BenchOptions {
  readonly keyCounts: readonly number[];
  readonly repetitions: number;
  readonly measureMs: number;
  readonly holders: number;
  readonly inFlight: number;
  /** Rows whose name has this in it; their baselines run as well. */
  readonly only: string | undefined;
  readonly json: boolean;
  /** Where the brokers write CPU profiles. */
  readonly profileDir: string | undefined;
  readonly help: boolean;
}

export const HELP = `scripts/bench broker: how many slots one key-broker process grants and gets back per second.

Real processes: MongoDB, NATS, a key-broker for each number of keys on a core of its own, the load on another one. The
table is on standard output, progress on standard error. It takes less than three minutes; measure on a quiet machine.

  --quick            a smoke test: 20 s, few keys, too short to be relied on
  --keys LIST        numbers of keys (default 10,100,1000,10000)
  --repetitions N    how often each row is measured, in turn with the others (default 5)
  --seconds N        how long each measurement takes (default 0.7)
  --holders N        streams, as of so many routers (default 4)
  --in-flight N      requests that ask, or have a slot, at a time, over all streams (default 256)
  --only TEXT        only rows whose name has this in it, and what they are compared with
  --json             all figures as JSON
  --profile DIR      the brokers run with --cpu-prof and leave their profiles there
  --help             this text

Columns: slots/s as many as were granted and given back; us/slot CPU time of the broker's process, system and all threads
included; slots/CPU s what a whole core would come to at that cost; broker, load and others the parts of a core that
were in use; p50 and p99 from asking to having; then each row as multiples of the one that it is compared with, by
repetition. An echo is the same server with the same messages that decides nothing. Figures are medians [least..most].
`;

/** A key has so many slots by default, and all that are in flight have to fit into the smallest pool. */
const SLOTS_PER_KEY = 50;

/** Throws an Error whose message is one sentence for whoever called. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      keys: { type: 'string' },
      repetitions: { type: 'string' },
      seconds: { type: 'string' },
      holders: { type: 'string', default: '4' },
      'in-flight': { type: 'string', default: '256' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick } = values;
  const keyCounts = (values.keys ?? (quick ? '10,1000' : '10,100,1000,10000'))
    .split(',')
    .map((text) => atLeast('--keys', text, 1));
  const holders = atLeast('--holders', values.holders, 1);
  const inFlight = atLeast('--in-flight', values['in-flight'], holders);
  const slots = Math.min(...keyCounts) * SLOTS_PER_KEY;
  if (inFlight > slots) throw new Error(`--in-flight is more than the ${slots} slots of the smallest pool.`);
  return {
    keyCounts,
    repetitions: atLeast('--repetitions', values.repetitions ?? (quick ? '1' : '5'), 1),
    measureMs: atLeast('--seconds', values.seconds ?? (quick ? '0.2' : '0.7'), 0.05) * 1_000,
    holders,
    inFlight,
    only: values.only,
    json: values.json,
    profileDir: values.profile,
    help: values.help,
  };
}
