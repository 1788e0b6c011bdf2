import { relative } from 'node:path';
import {
  describeProgram,
  locateMongod,
  locateNats,
  mongoCommand,
  natsCommand,
  type LocateOptions,
} from '@omg/embedded';
import type { OutputForm } from './log-line.ts';
import type { NodeRun, ServerRun } from './plan-stack.ts';
import { waitUntilReady } from './wait-until-ready.ts';

/** How a planned process is started on this machine. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly form: OutputForm;
  /** Where the program comes from, and its version where it has one. */
  readonly source: string;
  /** Resolves once it serves; rejects when the signal says so. */
  readonly waitUntilReady: (signal: AbortSignal) => Promise<void>;
}

export interface CommandOptions extends LocateOptions {
  readonly rootDir: string;
}

/** Finds or fetches the program where it is not this repository's own. */
export async function commandOf(run: ServerRun | NodeRun, options: CommandOptions): Promise<Command> {
  if (run.kind === 'node') {
    return {
      program: process.execPath,
      args: [run.file, ...run.args],
      env: run.env,
      form: 'service',
      source: relative(options.rootDir, run.file),
      waitUntilReady: async (signal) => await waitUntilReady(run.readyUrl, signal),
    };
  }
  const { dataDir, port } = run;
  const {
    program,
    args,
    waitUntilReady: ready,
  } = run.kind === 'mongo'
    ? await mongoCommand({ program: await locateMongod(options), dataDir, port })
    : await natsCommand({ program: await locateNats(options), dataDir, port });
  return {
    program: program.path,
    args,
    env: options.env,
    form: run.kind,
    source: describeProgram(program),
    waitUntilReady: ready,
  };
}
