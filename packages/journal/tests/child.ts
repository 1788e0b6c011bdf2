import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('journal-process.ts', import.meta.url));

/** A journal-process, and what it has told so far. */
export class Child implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  #errors = '';
  #ended = false;
  #wake = Promise.withResolvers<void>();

  /** With `fileLimitBlocks`, no file may grow beyond so many blocks of 512 or 1024 bytes. */
  constructor(
    role: 'write' | 'fill' | 'settle' | 'hold',
    options: { dir: string; epoch: string; fileLimitBlocks?: number },
  ) {
    const args = [PROGRAM, role, options.dir, options.epoch];
    const limit = options.fileLimitBlocks;
    this.#process =
      limit === undefined
        ? spawn(process.execPath, args, { stdio: 'pipe' })
        : spawn('/bin/sh', ['-c', `ulimit -f ${limit}; exec "$@"`, 'sh', process.execPath, ...args], { stdio: 'pipe' });
    let rest = '';
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = `${rest}${text}`.split('\n');
      // What follows the last newline was cut short by the kill.
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#notify();
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#process.on('close', () => {
      this.#ended = true;
      this.#notify();
    });
  }

  /** The first line that begins with `start`, when it comes. */
  async said(start: string): Promise<string> {
    return await this.#until(() => this.lines.find((line) => line.startsWith(start)), start);
  }

  async saidLines(count: number): Promise<void> {
    await this.#until(() => (this.lines.length >= count ? true : undefined), `${count} lines`);
  }

  stop(): void {
    this.#process.kill('SIGSTOP');
  }

  /** kill -9; all that it told before has been read when this returns. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#close();
  }

  async end(): Promise<void> {
    this.#process.stdin?.end();
    await this.#close();
    if (this.#process.exitCode !== 0) throw new Error(`ended with ${this.#process.exitCode}: ${this.#errors}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #close(): Promise<void> {
    if (!this.#ended) await once(this.#process, 'close');
  }

  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended || performance.now() > deadlineMs) throw new Error(`no ${what}: ${this.#errors}`);
      await Promise.race([this.#wake.promise, once(AbortSignal.timeout(1000), 'abort')]);
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
