import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { readObject } from './read-json.ts';

const readySchema = z.looseObject({ event: z.literal('ready'), url: z.string(), adminUrl: z.string() });

export interface FakeProcess {
  readonly ready: z.output<typeof readySchema>;
  /** Sends the signal and answers the exit code. */
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts a fake in a process of its own and waits for its ready line. */
export async function startProcess(fake: 'fake-upstream' | 'fake-proxy', ...args: string[]): Promise<FakeProcess> {
  const child = spawn(process.execPath, [mainOf(fake), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const line = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  return {
    ready: readySchema.parse(readObject(line)),
    stop: async (signal) => {
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}

/** Runs a fake that is to end by itself; its exit code and what it said on standard error. */
export async function runToEnd(fake: 'fake-upstream' | 'fake-proxy', ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [mainOf(fake), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  return `${String(child.exitCode)}: ${Buffer.concat(chunks).toString()}`;
}

function mainOf(fake: string): string {
  return new URL(`../src/${fake}/main.ts`, import.meta.url).pathname;
}
