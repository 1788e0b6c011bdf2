import { readEnvironment } from '@omg/config';
import { join } from 'node:path';
import { runUp } from './run-up.ts';
import { ROOT_DIR } from './start-stack.ts';
import { HELP } from './up-text.ts';
import { parseUpOptions } from './up-options.ts';

// whoever reads the log may go away (`scripts/up | head`); the gateway goes on
process.stdout.on('error', () => undefined);

try {
  const options = parseUpOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else await runUp(options, readEnvironment(undefined, join(ROOT_DIR, '.env')));
} catch (error) {
  process.stderr.write(`scripts/up: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
