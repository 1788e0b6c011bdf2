import { HELP, parseChaosOptions } from './chaos-options.ts';
import { runChaos } from './run-chaos.ts';

try {
  const options = parseChaosOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
  } else if (!(await runChaos(options, (line) => process.stdout.write(`${line}\n`)))) {
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`scripts/chaos: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
