import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { guardOrphan } from './guard-orphan.ts';
import { lastWords } from './last-words.ts';
import type { ServerCommand } from './server-command.ts';

export interface StartOptions {
  /** What the server says; the file of the run before is kept as `<logFile>.previous`. */
  readonly logFile: string;
  /** Gives up while it starts; later it has no effect. */
  readonly signal: AbortSignal;
  /** Its data need not survive: it is killed instead of stopped. */
  readonly throwaway?: boolean;
}

/** A server process of ours. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with a sentence when it ends, asked or not. */
  readonly exited: Promise<string>;
  /** Resolves when it is gone; what does not go in time is killed. */
  readonly stop: () => Promise<void>;
}

/** A data directory of an unclean shutdown is recovered first, which takes its time. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/** Starts a server in a process group of its own and waits until it serves; one that does not is ended, and the error says why. */
export async function startServer(
  command: ServerCommand,
  { logFile, signal, throwaway = false }: StartOptions,
): Promise<ServerProcess> {
  const { name } = command.program;
  signal.throwIfAborted();
  const { child, pid, exit } = await spawnLogged(command, logFile);
  const guard = guardOrphan(pid);
  const exited = exit.then(async (): Promise<string> => {
    guard.release();
    const how = child.signalCode === null ? `ended with status ${child.exitCode}` : `was ended by ${child.signalCode}`;
    return `${name} ${how}: ${lastWords(await readFile(logFile, 'utf8').catch(() => ''))} (${logFile})`;
  });
  const stop = async (how: NodeJS.Signals): Promise<void> => {
    child.kill(how);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  try {
    await waitUntilReady(command, exited, signal);
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  const dispose = async (): Promise<void> => await stop(throwaway ? 'SIGKILL' : 'SIGTERM');
  return { pid, exited, stop: dispose, [Symbol.asyncDispose]: dispose };
}

async function waitUntilReady(command: ServerCommand, exited: Promise<string>, signal: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  const over = new AbortController();
  const ready = command.waitUntilReady(AbortSignal.any([signal, timeout, over.signal])).then(() => undefined);
  // it may lose the race, and is then told so
  ready.catch(() => {});
  try {
    const died = await Promise.race([ready, exited]);
    if (died !== undefined) throw new Error(died);
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted)
      throw new Error(`${command.program.name} was not ready within ${START_TIMEOUT_MS / 1_000} s`, { cause: error });
    throw error;
  } finally {
    over.abort();
  }
}

interface Spawned {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exit: Promise<unknown>;
}

async function spawnLogged({ program, args }: ServerCommand, logFile: string): Promise<Spawned> {
  await mkdir(dirname(logFile), { recursive: true });
  await rename(logFile, `${logFile}.previous`).catch(() => undefined);
  await using log = await open(logFile, 'w');
  const child = spawn(program.path, args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  // listened for from the start: a server may be gone before the log file is closed
  const exit = new Promise((resolve) => child.once('exit', resolve));
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error(`${program.path} was started without a pid`);
  return { child, pid: child.pid, exit };
}
