import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from '@omg/config';
import { CommandFailure } from '../failures.ts';

export interface StackEnvFile {
  readonly path: string;
  readonly values: Environment;
}

/** What scripts/up wrote for others, `data/env`, in this directory or the nearest one above it. */
export function findStackEnvFile(directory: string): StackEnvFile | undefined {
  for (let current = resolve(directory); ; current = dirname(current)) {
    const path = join(current, 'data', 'env');
    if (existsSync(path)) return { path, values: parseEnv(readText(path)) };
    if (current === dirname(current)) return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${path} cannot be read (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
}
