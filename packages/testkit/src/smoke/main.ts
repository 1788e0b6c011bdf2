import { join } from 'node:path';
import { readEnvironment } from '@omg/config';
import { ROOT_DIR } from '../stack/start-stack.ts';
import { NothingAsked, runSmoke } from './run-smoke.ts';
import { HELP, parseSmokeOptions } from './smoke-options.ts';
import { problemOf, renderJson, renderTable } from './smoke-table.ts';

const FAILED = 1;
const NOTHING_SHOWN = 2;

async function main(): Promise<void> {
  const options = parseSmokeOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  try {
    const smoked = await runSmoke(options, readEnvironment(undefined, join(ROOT_DIR, '.env')));
    process.stdout.write(options.json ? renderJson(smoked) : renderTable(smoked));
    const failed = smoked.filter((one) => problemOf(one) !== '').length;
    if (!options.json)
      process.stdout.write(`\n${smoked.length - failed} of ${smoked.length} requests as they should be.\n`);
    if (failed > 0) process.exitCode = FAILED;
  } catch (error) {
    if (!(error instanceof NothingAsked)) throw error;
    process.stderr.write(`scripts/smoke: ${error.message} Nothing was asked.\n`);
    if (options.require) process.exitCode = NOTHING_SHOWN;
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`scripts/smoke: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = FAILED;
}
