import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly ok: boolean;
  /** Both streams, in the order in which they came. */
  readonly output: string;
}

/** Runs one of node_modules/.bin, or any other program, in the repository. */
export async function runCommand(command: string, args: readonly string[], cwd: string): Promise<CommandResult> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve({ ok: false, output: `${command} cannot be run: ${error.message}` }));
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}
