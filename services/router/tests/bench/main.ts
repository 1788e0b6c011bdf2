import { cpus, loadavg } from 'node:os';
import { HELP, parseBenchOptions, type BenchOptions } from './bench-options.ts';
import { startWorld, type BenchWorld } from './bench-world.ts';
import { closedLoad } from './load.ts';
import { watchMemory, type Figures, type MemoryFigures } from './measure.ts';
import { memoryLine, reportOf, tableOf, verdictsOf, type Measured } from './report.ts';
import { rowsOf, selectRows, type Row } from './rows.ts';

const MEMORY_CONNECTIONS = 16;

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
  const selected = selectRows(rowsOf(options), options.only);
  if (selected.length === 0 && options.only !== 'memory') throw new Error(`no row has "${options.only}" in its name`);
  const names = new Set(selected.map(({ variant }) => variant));
  await using world = await startWorld({ names, signal, onProgress: progress });
  const rows = selected.filter(({ variant }) => world.variants.has(variant));
  await warmUp(world, rows, options.warmUpRequests);
  const report = reportOf(await measureInTurn(rows, world, options.rounds));
  const watches = options.memoryMs > 0 && (options.only ?? 'memory') === 'memory';
  const memory = watches ? await measureMemory(world, options.memoryMs) : undefined;
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), node ${process.version}, load average before ${busyBefore.toFixed(1)}; ${world.cores.description}`;
  const isVoid = report.some(({ faults }) => faults.length > 0) || (memory?.figures.faults.length ?? 0) > 0;
  if (isVoid) process.exitCode = 1;
  if (options.json) {
    say(JSON.stringify({ machine, options, missing: world.missing, rows: report, memory }, undefined, 2));
    return;
  }
  say(machine);
  say(`${options.rounds} rounds of ${options.measureMs / 1_000} s in turn; median [least..most]\n`);
  if (report.length > 0) say(tableOf(report));
  for (const line of world.missing) say(`left out: ${line}`);
  for (const line of verdictsOf(report)) say(line);
  if (memory !== undefined) say(memoryLine(memory, options.memoryMs / 60_000));
}

/** What is not compiled yet is not what is to be measured; and the router has no lease and no allowance yet. */
async function warmUp(world: BenchWorld, rows: readonly Row[], requests: number): Promise<void> {
  const brief = rowsOf({ measureMs: 0, streamCounts: [], profileDir: undefined, requests });
  const wanted = new Set(rows.filter(({ variant }) => variant !== 'direct').map(({ name }) => name));
  for (const row of brief.filter(({ name, thing }) => thing !== 'delay' && wanted.has(name))) {
    const variant = world.variants.get(row.variant);
    if (variant === undefined) continue;
    progress(`warming up: ${row.name}`);
    await row.measure(world, variant, 0);
  }
}

/** All rows in turn, again and again, so that what the machine does meanwhile falls on all alike. */
async function measureInTurn(rows: readonly Row[], world: BenchWorld, rounds: number): Promise<readonly Measured[]> {
  const measured = rows.map((row) => ({ row, rounds: new Array<Figures>() }));
  for (let round = 1; round <= rounds; round += 1) {
    // there and back again
    for (const { row, rounds: figures } of round % 2 === 1 ? measured : measured.toReversed()) {
      world.signal.throwIfAborted();
      const variant = world.variants.get(row.variant);
      if (variant === undefined) continue;
      progress(`round ${round} of ${rounds}: ${row.name}`);
      figures.push(await row.measure(world, variant, round));
    }
  }
  return measured;
}

async function measureMemory(world: BenchWorld, forMs: number): Promise<MemoryFigures> {
  progress(`watching memory for ${forMs / 60_000} min`);
  return await watchMemory({
    world,
    variant: world.router.variant,
    exchange: { name: 'burst', asksForUsage: false },
    eventsEach: 1,
    load: async (target) => await closedLoad(target, { connections: MEMORY_CONNECTIONS, forMs }),
    profile: undefined,
  });
}
