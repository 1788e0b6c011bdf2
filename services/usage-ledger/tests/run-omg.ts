import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TOKENS, type AdminWorld } from './accounts-admin.ts';

const OMG = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line, asking the real ledger as an operator does. */
export async function runOmg(
  { world, ledger }: Pick<AdminWorld, 'world' | 'ledger'>,
  line: string,
  { env = {}, stdin = '' }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const own = {
    TZ: 'UTC',
    NODE_COMPILE_CACHE: `${world.directory}/cache`,
    LEDGER_ADDR: `127.0.0.1:${ledger.service.grpcPort}`,
    SERVICE_TOKEN: TOKENS.operator,
  };
  const child = execFile(
    process.execPath,
    [OMG, ...line.split(' ')],
    { cwd: world.directory, env: { ...own, ...env }, timeout: 60_000 },
    (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    },
  );
  // a program that does not read what it is given is not at fault
  child.stdin?.on('error', () => undefined).end(stdin);
  return await promise;
}
