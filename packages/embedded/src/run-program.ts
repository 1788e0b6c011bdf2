import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface RunResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** What it complained of, or why it could not be started. */
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** Runs a program to its end; throws only when the signal says so. */
export async function runProgram(path: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { env, signal, timeoutMs } = options;
  const result = await new Promise<RunResult>((resolve) => {
    execFile(path, args, { env, signal, timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout, stderr });
      else resolve({ ok: false, stdout, stderr: complaint(path, error, stderr, timeoutMs) });
    });
  });
  signal.throwIfAborted();
  return result;
}

function complaint(
  path: string,
  error: { code?: unknown; killed?: boolean; message: string },
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return `${path} is not there`;
  if (error.killed === true) return `${path} took longer than ${timeoutMs / 1_000} s`;
  return stderr.trim() === '' ? error.message : stderr;
}
