import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('ownership-process.ts', import.meta.url));

export interface Said {
  readonly what: string;
  readonly atMs: number;
  readonly id?: string;
  readonly term?: number;
}

/** An ownership-process, and what it has told so far. */
export class OwnershipChild implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly #process: ChildProcess;
  #wake = Promise.withResolvers<void>();

  constructor(
    server: { readonly url: string; readonly database: string },
    options: { readonly holder: string; readonly ids: readonly string[]; readonly mode?: 'commit' | 'hold' },
  ) {
    const { holder, ids, mode = 'commit' } = options;
    this.#process = spawn(process.execPath, [PROGRAM, server.url, server.database, holder, ids.join(','), mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.#process.stdout === null) throw new Error('no output');
    createInterface(this.#process.stdout).on('line', (line) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the program beside this file writes nothing else
      this.said.push(JSON.parse(line) as Said);
      this.#wake.resolve();
    });
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): number {
    this.#process.kill(name);
    return Date.now();
  }

  /** The first thing that fits, when it comes. */
  async until(what: string, fits: (said: Said) => boolean = () => true): Promise<Said> {
    const deadline = AbortSignal.timeout(15_000);
    for (;;) {
      const found = this.said.find((said) => said.what === what && fits(said));
      if (found !== undefined) return found;
      if (deadline.aborted) throw new Error(`it never said ${what}, but ${JSON.stringify(this.said.slice(-20))}`);
      this.#wake = Promise.withResolvers();
      const timer = setTimeout(this.#wake.resolve, 1_000);
      await this.#wake.promise;
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
