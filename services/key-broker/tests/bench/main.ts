import { cpus, loadavg } from 'node:os';
import { Secret } from '@omg/config';
import { createGrpcClient } from '@omg/grpc';
import { keyBrokerV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { HELP, parseBenchOptions, type BenchOptions } from './bench-options.ts';
import { TOKEN } from './bench-names.ts';
import { startWorld } from './bench-world.ts';
import { reportOf, tableOf, type ReportRow } from './report.ts';
import { measureInTurn } from './rounds.ts';
import { rowsOf, selectRows, STREAM } from './rows.ts';

const CALL_DEADLINE_MS = 10_000;
/** What is aimed at: through the stream, on one core, whatever the number of keys. */
const AIM_SLOTS_PER_S = 50_000;
/** Of a core, by others. */
const MUCH = 0.3;

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
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await startWorld({ ...options, signal, onProgress: progress }));
  const telemetry = stack.use(
    startTelemetry({ service: 'bench', version: '0', instance: 'bench', logLevel: 'silent' }),
  );
  const rows = rowsOf(world, {
    ...options,
    connect: ({ grpcAddress: address }) =>
      stack.use(
        createGrpcClient(keyBrokerV1.KeyBrokerService, {
          address,
          token: new Secret(TOKEN),
          deadlineMs: CALL_DEADLINE_MS,
          telemetry,
        }),
      ),
  });
  const selected = selectRows(rows, options.only);
  if (selected.length === 0) throw new Error(`no row has "${options.only}" in its name`);
  const report = reportOf(await measureInTurn(selected, { ...options, signal, onProgress: progress }));
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), node ${process.version}, load average before ${busyBefore.toFixed(1)}; ${world.cores.description}`;
  if (options.json) {
    say(JSON.stringify({ machine, options, rows: report }, undefined, 2));
    return;
  }
  say(machine);
  say(
    `${options.repetitions} repetitions of ${options.measureMs / 1_000} s in turn; median [least..most]; ${options.holders} streams, ${options.inFlight} in flight\n`,
  );
  say(tableOf(report));
  const aim = aimOf(report);
  if (aim !== '') say(`\n${aim}`);
}

function aimOf(rows: readonly ReportRow[]): string {
  const streams = rows.filter(({ name, keys, isEcho }) => !isEcho && name === `${STREAM}, ${keys} keys`);
  const [first, last] = [streams[0], streams.at(-1)];
  if (first === undefined || last === undefined) return '';
  const least = Math.min(...streams.map(({ slotsPerS }) => slotsPerS.median));
  const leastPerCpu = Math.min(...streams.map(({ slotsPerCoreSecond }) => slotsPerCoreSecond.median));
  const verdict = (slots: number): string =>
    `${slots >= AIM_SLOTS_PER_S ? 'reached' : 'not reached'}, ${Math.round(slots)}`;
  const others = Math.max(...streams.map(({ othersBusy }) => othersBusy.median));
  const cost = last.compared?.cpuUsPerSlot.median.toFixed(2) ?? '1';
  return [
    `Aim, ${AIM_SLOTS_PER_S} slots/s on one core through the stream, whatever the number of keys: ${verdict(least)}; by CPU time: ${verdict(leastPerCpu)}.`,
    ...(first === last ? [] : [`A slot of ${last.keys} keys costs ${cost} times what one of ${first.keys} costs.`]),
    ...(others < MUCH
      ? []
      : [
          'The machine was busy with other things: rates and times are worse than they are, CPU time is nearer the truth.',
        ]),
  ].join('\n');
}
