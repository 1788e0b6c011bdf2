#!/usr/bin/env node
import { createInput } from './input/input.ts';
import { createTerminal } from './output/terminal.ts';
import { runCli } from './run-cli.ts';

// whoever reads may have seen enough (`omg logs list --all | head`)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const interrupted = new AbortController();
process.once('SIGINT', () => {
  interrupted.abort();
});

process.exitCode = await runCli({
  args: process.argv.slice(2),
  cwd: process.cwd(),
  terminal: createTerminal(process.stdout, process.stderr),
  input: createInput({ stdin: process.stdin, stderr: process.stderr, signal: interrupted.signal }),
  signal: interrupted.signal,
});
