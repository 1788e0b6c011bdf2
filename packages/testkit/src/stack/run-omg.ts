import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT_DIR, type Stack } from './start-stack.ts';

export interface OmgOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line, asking the services of a stack as its operator does. */
export async function runOmg({ addresses, secrets, dataDir }: Stack, line: string): Promise<OmgOutcome> {
  const { promise, resolve } = Promise.withResolvers<OmgOutcome>();
  const env = {
    TZ: 'UTC',
    LEDGER_ADDR: addresses.ledgerAddr,
    BROKER_ADDR: addresses.brokerAddr,
    SERVICE_TOKEN: secrets.operatorToken,
  };
  const child = execFile(
    process.execPath,
    [join(ROOT_DIR, 'packages/cli/src/main.ts'), ...line.split(' ')],
    { cwd: dataDir, env, timeout: 60_000, maxBuffer: 16 * 1024 * 1024 },
    (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    },
  );
  return await promise;
}
