import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './start-stack.ts';

/** What a stack keeps; nothing else in a data directory is ever touched. */
const CONTENTS = ['mongo', 'nats', 'journal', 'logs', 'env', 'pids', 'secrets.json', 'bootstrap.json'];

/** Removes what earlier runs left. */
export function emptyDataDirectory(dataDir: string): void {
  for (const name of CONTENTS) rmSync(join(dataDir, name), { recursive: true, force: true });
}

/** Whoever reads the file sees it whole, before or after. */
export function writePids(dataDir: string, stack: Pick<Stack, 'names' | 'pid'>): void {
  const lines = stack.names.flatMap((name) => {
    const pid = stack.pid(name);
    return pid === undefined ? [] : [`${name} ${pid}\n`];
  });
  const path = join(dataDir, 'pids');
  writeFileSync(`${path}.new`, [`supervisor ${process.pid}\n`, ...lines].join(''));
  renameSync(`${path}.new`, path);
}

export function removePids(dataDir: string): void {
  rmSync(join(dataDir, 'pids'), { force: true });
}
