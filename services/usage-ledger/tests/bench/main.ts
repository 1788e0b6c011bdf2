import { cpus, loadavg } from 'node:os';
import { HELP, parseBenchOptions, type BenchOptions } from './bench-options.ts';
import { startWorld } from './bench-world.ts';
import type { Figures } from './measure.ts';
import { reportOf, tableOf, type ReportRow } from './report.ts';
import { rowsOf, selectRows, type Row } from './rows.ts';

/** Events/s of one ledger on one core, by the number of accounts; two ledgers as a multiple of one. */
const AIMS = [
  { upToAccounts: 50, eventsPerS: 40_000 },
  { upToAccounts: Infinity, eventsPerS: 20_000 },
];
const AIM_OF_TWO = 1.5;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => void process.stderr.write(`scripts/bench: ${line}\n`);

try {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await bench(options);
} catch (error) {
  progress(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function bench(options: BenchOptions): Promise<void> {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      stopping.abort(new Error(`ended by ${name}`));
    });
  }
  const { signal } = stopping;
  const busyBefore = loadavg()[0] ?? 0;
  await using world = await startWorld({ ...options, signal, onProgress: progress });
  const rows = selectRows(rowsOf(world, options), options.only);
  if (rows.length === 0) throw new Error(`no row has "${options.only}" in its name`);
  const report = reportOf(await measureInTurn(rows, options.repetitions, signal));
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), node ${process.version}, ${world.mongo.description}, load average before ${busyBefore.toFixed(1)}; ${world.cores.description}`;
  if (report.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  if (options.json) {
    say(JSON.stringify({ machine, options, rows: report }, undefined, 2));
    return;
  }
  say(machine);
  say(`${options.repetitions} repetitions of ${options.events} events in turn; median [least..most]\n`);
  say(`${tableOf(report)}\n`);
  for (const row of report) say(verdictOf(row));
}

/** All rows in turn, again and again, so that what the machine does meanwhile falls on all alike. */
async function measureInTurn(rows: readonly Row[], repetitions: number, signal: AbortSignal) {
  const measured = rows.map((row) => ({ row, repetitions: new Array<Figures>() }));
  for (let round = 1; round <= repetitions; round += 1) {
    // there and back again
    for (const { row, repetitions: figures } of round % 2 === 1 ? measured : measured.toReversed()) {
      signal.throwIfAborted();
      progress(`round ${round} of ${repetitions}: ${row.name}`);
      figures.push(await row.measure());
    }
  }
  return measured;
}

function verdictOf({ name, kind, accounts, eventsPerS, eventsPerCoreSecond, compared }: ReportRow): string {
  if (kind === 'bare') return `${name}: what the others are compared with.`;
  if (kind === 'two ledgers') {
    const times = compared?.eventsPerS.median ?? Number.NaN;
    return `${name}: aim ${AIM_OF_TWO} times one ledger, ${reached(times >= AIM_OF_TWO)}: ${times.toFixed(2)}.`;
  }
  const aim = AIMS.find(({ upToAccounts }) => accounts <= upToAccounts)?.eventsPerS ?? 0;
  return `${name}: aim ${aim} events/s on one core, ${reached(eventsPerS.median >= aim)}; by the ledger's CPU time: ${reached(eventsPerCoreSecond.median >= aim)}.`;
}

function reached(is: boolean): string {
  return is ? 'reached' : 'not reached';
}
