import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { LocateOptions } from '@omg/embedded';
import { startChild, type Child } from './child.ts';
import { commandOf, type Command } from './command-of.ts';
import { isAtLeast, parseLogLine, type LogLine } from './log-line.ts';
import type { PlannedProcess } from './plan-stack.ts';
import { describeLine } from './render-log-line.ts';
import { describeExit, type Exit } from './restart-policy.ts';

export interface StackProcessOptions {
  readonly planned: PlannedProcess;
  readonly rootDir: string;
  readonly dataDir: string;
  /** Of the stack itself; decides where programs are looked for. */
  readonly env: LocateOptions['env'];
  readonly logFile: string;
  readonly startTimeoutMs: number;
  readonly onProgress: (line: string) => void;
  readonly onLine: (line: LogLine) => void;
  /** It has come or gone. */
  readonly onPid: () => void;
  /** It ended, and nobody had asked it to. */
  readonly onDeath: (exit: Exit, ranMs: number) => void;
}

const KEPT_LINES = 2_000;
const KEPT_COMPLAINTS = 8;
const STACK_LINE = /^\s+at /;
const MAX_LOG_FILE_BYTES = 50 * 1024 * 1024;

/** One process of the plan through all its lives: a restart has the same ports, data and log. */
export class StackProcess implements Disposable {
  readonly planned: PlannedProcess;
  readonly #options: StackProcessOptions;
  readonly #logFile: number;
  readonly #lines: string[] = [];
  /** What it said of level warn and above since its last start. */
  readonly #complaints: string[] = [];
  #command: Command | undefined;
  #child: Child | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;

  constructor(options: StackProcessOptions) {
    this.planned = options.planned;
    this.#options = options;
    this.#logFile = openSync(options.logFile, isTooLarge(options.logFile) ? 'w' : 'a');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The newest lines of its output, over all its lives. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** What it complained of before it ended, or else the end of its output. */
  get lastWords(): readonly string[] {
    return this.#complaints.length > 0 ? this.#complaints : this.#lines.slice(-KEPT_COMPLAINTS);
  }

  /** Where its program comes from, once it was started. */
  get source(): string {
    return this.#command?.source ?? '';
  }

  /** Starts it and waits until it serves; where it does not, it is ended and the error says in one sentence what happened. */
  async start(signal: AbortSignal): Promise<void> {
    this.#starting ??= this.#start(signal).finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  async #start(signal: AbortSignal): Promise<void> {
    if (this.#child !== undefined) return;
    const { name } = this.planned;
    this.#stopping = false;
    this.#command ??= await commandOf(this.planned.run, { ...this.#options, signal });
    signal.throwIfAborted();
    this.#complaints.length = 0;
    const child = await this.#spawn(this.#command);
    const startedMs = performance.now();
    const timeout = AbortSignal.timeout(this.#options.startTimeoutMs);
    const over = new AbortController();
    const death = child.exited.then((exit) => new Error(`${name} ${describeExit(exit)} while it started`));
    try {
      const ready = this.#command.waitUntilReady(AbortSignal.any([signal, timeout, over.signal]));
      const died = await Promise.race([ready, death]);
      if (died !== undefined) throw died;
    } catch (error) {
      over.abort();
      child.kill('SIGKILL');
      await child.exited;
      signal.throwIfAborted();
      const seconds = this.#options.startTimeoutMs / 1_000;
      const what = timeout.aborted ? `${name} was not ready within ${seconds} s` : messageOf(error);
      throw new Error([`${what}.`, ...this.lastWords].join('\n  '), { cause: error });
    }
    void this.#reportDeath(child, startedMs);
  }

  /** Sends a signal as somebody from outside would; after SIGKILL it waits until the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    child?.kill(signal);
    if (signal === 'SIGKILL') await child?.exited;
  }

  /** Ends it in an orderly way, or after this time in any way. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const child = this.#child;
    if (child === undefined) return;
    this.#stopping = true;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await child.exited;
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    closeSync(this.#logFile);
  }

  async #spawn(command: Command): Promise<Child> {
    const child = await startChild({
      command: command.program,
      args: command.args,
      env: command.env,
      cwd: this.#options.dataDir,
      onOutput: (chunk) => writeSync(this.#logFile, chunk),
      onLine: (text, stream) => {
        const line = parseLogLine(command.form, { text, stream, readAtMs: Date.now() });
        keep(this.#lines, text, KEPT_LINES);
        if (isAtLeast(line.level, 'warn') && !STACK_LINE.test(text))
          keep(this.#complaints, describeLine(line), KEPT_COMPLAINTS);
        this.#options.onLine(line);
      },
    });
    this.#child = child;
    void this.#forget(child);
    this.#options.onPid();
    return child;
  }

  async #forget(child: Child): Promise<void> {
    await child.exited;
    this.#child = undefined;
    this.#options.onPid();
  }

  async #reportDeath(child: Child, startedMs: number): Promise<void> {
    const exit = await child.exited;
    if (!this.#stopping) this.#options.onDeath(exit, performance.now() - startedMs);
  }
}

function keep(lines: string[], line: string, limit: number): void {
  lines.push(line);
  if (lines.length > limit) lines.shift();
}

function isTooLarge(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_FILE_BYTES;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
