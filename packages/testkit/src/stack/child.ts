import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { guardOrphan } from '@omg/embedded';
import { LineSplitter } from './line-splitter.ts';
import type { Exit } from './restart-policy.ts';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Every chunk of its output as it came. */
  readonly onOutput: (chunk: Buffer) => void;
  readonly onLine: (text: string, stream: 'stdout' | 'stderr') => void;
}

/** A running process in a process group of its own, so that a terminal's Ctrl-C does not reach it; it does not outlive this one. */
export interface Child {
  readonly pid: number;
  /** Settles once it is gone and its output has been read to the end. */
  readonly exited: Promise<Exit>;
  /** SIGKILL reaches the whole group. */
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** Throws where the program cannot be started at all. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = new LineSplitter((line) => options.onLine(line, stream));
    child[stream].on('data', (chunk: Buffer) => {
      options.onOutput(chunk);
      splitter.push(chunk);
    });
    child[stream].once('end', () => splitter.end());
  }
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.command} was started without a pid`);
  const guard = guardOrphan(pid);
  return { pid, exited: exited.finally(guard.release), kill: (signal) => sendSignal(pid, signal) };
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw error;
  }
}
