import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readEnvironment } from '@omg/config';

const ROOT_DIR = join(import.meta.dirname, '../../..');
const WAIT_MS = 60_000;

/** A running scripts/up, as an operator has it. */
export interface UpRun extends AsyncDisposable {
  readonly pid: number;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Resolves once the output has this text; rejects where it ended, or took too long. */
  readonly waitFor: (text: string) => Promise<void>;
}

export function startUp(args: readonly string[], env: Readonly<Record<string, string>> = {}): UpRun {
  const { MONGODB_URL: _mongo, NATS_URL: _nats, ...inherited } = readEnvironment();
  const child = spawn(join(ROOT_DIR, 'scripts/up'), [...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('scripts/up could not be started');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let over = false;
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      over = true;
      resolve(code);
    });
  });
  return {
    pid,
    output: () => output,
    exited,
    signal: (signal) => void child.kill(signal),
    waitFor: async (text) => {
      await waitUntil(`"${text}" in the output`, () => {
        if (over && !output.includes(text)) throw new Error(`scripts/up ended without "${text}":\n${output}`);
        return output.includes(text);
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** What data/pids says, by name. */
export function readPids(dataDir: string): ReadonlyMap<string, number> {
  const lines = readFileSync(join(dataDir, 'pids'), 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', pid = ''] = line.split(' ');
      return [name, Number(pid)];
    }),
  );
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function waitUntil(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`${what} did not come within ${WAIT_MS / 1_000} s`);
    await delay(50);
  }
}
