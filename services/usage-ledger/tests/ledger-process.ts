import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { World } from './ledger.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A ledger as a process of its own, to be killed and paused. */
export interface LedgerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly kill: () => Promise<void>;
  readonly pause: () => void;
  readonly resume: () => void;
}

export async function startLedgerProcess(
  world: World,
  environment: Readonly<Record<string, string>> = {},
): Promise<LedgerProcess> {
  const env = { ...process.env, ...world.environment, ...environment };
  const child = spawn(process.execPath, [MAIN], { env, stdio: 'ignore' });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    kill,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
}
