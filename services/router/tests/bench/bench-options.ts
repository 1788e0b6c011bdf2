import { parseArgs } from 'node:util';
import { atLeast } from '@omg/bench';

export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement. */
  readonly measureMs: number;
  /** Of each row, before anything is measured. */
  readonly warmUpRequests: number;
  readonly streamCounts: readonly number[];
  /** How long memory is watched. */
  readonly memoryMs: number;
  /** Rows whose name has this in it, and what they are compared with. */
  readonly only: string | undefined;
  readonly json: boolean;
  /** Where the router's CPU profiles go, one for each of its rows. */
  readonly profileDir: string | undefined;
  readonly help: boolean;
}

export const HELP = `scripts/bench router: what the router costs, beside nginx, a bare pipe and another gateway.

A lean upstream and a load generator (bare sockets, in one process) on core 1; what is measured on core 0. The router is
the real one with everything on, and its MongoDB, NATS, key-broker and usage-ledger run on core 1, too. All variants of
a thing are measured in turn, there and back again. After each row the books are checked: answers of 200 that the
generator got in full = answers that the upstream gave in full, and of the router's rows = requests that were charged,
with the tokens that the upstream counted; else the row says VOID, and the exit status is 1. The table is on standard
output, progress on standard error. It takes about ten minutes; measure on a quiet machine.

  --quick          a smoke test: a minute or two, one round, too short to be relied on
  --rounds N       how often each row is measured (default 3)
  --seconds N      how long each measurement takes (default 3)
  --warm-up N      requests of each row before anything is measured (default 20000)
  --streams LIST   numbers of paced streams (default 600,2000)
  --minutes N      how long memory is watched under load (default 1; 0: not at all)
  --only TEXT      only rows whose name has this in it, and the direct and nginx rows that they are compared with
  --json           all figures as JSON
  --profile DIR    CPU profiles of the router, one for each measurement of its rows
  --help           this text

Variants: direct (no gateway); nginx with proxy_pass, unbuffered, one process; bare, fastify and undici with nothing
between them; omg, the router; portkey, @portkey-ai/gateway, which npm installs into the cache folder. What cannot be
had is left out, with the reason; portkey's streams are, because it fails at them on this Node.

Rows: json, 2 KB up and 2 KB down, 32 connections; sse, 100 events in one burst, where the client asks for the usage
itself; sse injected, where the gateway adds that and takes the chunk with the usage out again; paced, so many streams
with an event each 100 ms; delay, JSON at 50 requests/s. Columns: answers (events of paced rows) per second; CPU time of
the measured process, system and all threads included, for each of them; how many a whole core would come to at that
cost, and that as a multiple of nginx in the same round; p50 and p99 of the answer's time (of paced rows, of an event's
way), and what direct is less; memory at the end. Figures are medians [least..most].
`;

/** Throws an Error whose message is one sentence for whoever called. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      streams: { type: 'string' },
      minutes: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick } = values;
  return {
    rounds: atLeast('--rounds', values.rounds ?? (quick ? '1' : '3'), 1),
    measureMs: atLeast('--seconds', values.seconds ?? (quick ? '0.5' : '3'), 0.1) * 1_000,
    warmUpRequests: atLeast('--warm-up', values['warm-up'] ?? (quick ? '100' : '20000'), 1),
    streamCounts: (values.streams ?? (quick ? '50' : '600,2000'))
      .split(',')
      .map((text) => atLeast('--streams', text, 1)),
    memoryMs: atLeast('--minutes', values.minutes ?? (quick ? '0.05' : '1'), 0) * 60_000,
    only: values.only,
    json: values.json,
    profileDir: values.profile,
    help: values.help,
  };
}
