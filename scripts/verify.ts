// npm run verify: types, lint, directions of imports, unused code, formatting, generated code and the lock file, all at once.
import { parseArgs } from 'node:util';
import { CHECKS } from './verify-checks.ts';

const HELP = `Usage: npm run verify -- [--only check,check] [--help]

Checks: ${Object.keys(CHECKS).join(', ')}
`;

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Runs these checks side by side and prints a line for each, with the output of those that failed. */
export async function verify(names: readonly string[] = Object.keys(CHECKS)): Promise<Tally> {
  const results = await Promise.all(
    names.map(async (name) => {
      const check = CHECKS[name];
      if (check === undefined)
        throw new Error(`There is no check ${name}; there are ${Object.keys(CHECKS).join(', ')}.`);
      const startedMs = performance.now();
      const { ok, output } = await check();
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      process.stdout.write(`verify  ${name.padEnd(10)} ${ok ? 'ok    ' : 'FAILED'} ${seconds.padStart(5)} s\n`);
      return { name, ok, output };
    }),
  );
  const failed = results.filter(({ ok }) => !ok);
  for (const { name, output } of failed) process.stdout.write(`\n--- ${name}\n${output.trimEnd()}\n`);
  return { passed: results.length - failed.length, failed: failed.length };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const { failed } = await verify(values.only?.split(','));
  if (failed > 0) process.exitCode = 1;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  });
}
