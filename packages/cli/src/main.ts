#!/usr/bin/env node
import { runCli } from './run-cli.ts';
import { createTerminal } from './output/terminal.ts';

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
  signal: interrupted.signal,
});
