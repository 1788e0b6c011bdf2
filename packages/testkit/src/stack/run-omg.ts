import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { readEnvironment } from '@omg/config';
import { compileCacheOf } from './compile-cache.ts';
import { ROOT_DIR, type Stack } from './start-stack.ts';

export interface OmgOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface OmgSurroundings {
  readonly cwd: string;
  /** All that it has of an environment, beside a time zone. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

export const OMG_PROGRAM = join(ROOT_DIR, 'packages/cli/src/main.ts');
export const OMG_COMPILE_CACHE = compileCacheOf(readEnvironment());

/** What `--json` prints. */
export function jsonLines(text: string): readonly unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

/** The real command line, with nothing of the environment of these tests. */
export async function runOmgIn({ cwd, env, stdin = '' }: OmgSurroundings, line: string): Promise<OmgOutcome> {
  const { promise, resolve } = Promise.withResolvers<OmgOutcome>();
  const child = execFile(
    process.execPath,
    [OMG_PROGRAM, ...line.split(' ').filter((word) => word !== '')],
    {
      cwd,
      env: { TZ: 'UTC', NODE_COMPILE_CACHE: OMG_COMPILE_CACHE, ...env },
      timeout: 60_000,
      maxBuffer: 16 * 1024 * 1024,
    },
    (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    },
  );
  // a program that does not read what it is given is not at fault
  child.stdin?.on('error', () => undefined).end(stdin);
  return await promise;
}

/** The same, asking the services of a stack as its operator does. */
export async function runOmg({ addresses, secrets, dataDir }: Stack, line: string): Promise<OmgOutcome> {
  const { ledgerAddr, brokerAddr } = addresses;
  const env = { LEDGER_ADDR: ledgerAddr, BROKER_ADDR: brokerAddr, SERVICE_TOKEN: secrets.operatorToken };
  return await runOmgIn({ cwd: dataDir, env }, line);
}
