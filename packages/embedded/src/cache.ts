import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LocateOptions } from './locate-options.ts';

/** Shared by every clone on this machine: OMG_CACHE_DIR, else where the user keeps caches. */
export function cacheDir(env: LocateOptions['env']): string {
  const own = env['OMG_CACHE_DIR'];
  if (isSet(own)) return own;
  const caches = env['XDG_CACHE_HOME'];
  if (isSet(caches)) return join(caches, 'omg');
  const home = env['HOME'];
  return join(isSet(home) ? home : homedir(), '.cache', 'omg');
}

export interface InstallOptions {
  /** Where the program will be: `<cache>/programs/<source>/<program>`. */
  readonly target: string;
  /** Puts the program's file into an empty directory and returns its path. */
  readonly fetchInto: (directory: string) => Promise<string>;
}

/** Two processes may install the same program at once: each has a directory of its own, and the first rename stays. */
export async function installInCache({ target, fetchInto }: InstallOptions): Promise<void> {
  const folder = join(target, '..');
  const staging = `${folder}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const download = join(staging, 'download');
  const ready = join(staging, 'ready');
  await mkdir(download, { recursive: true });
  await mkdir(ready);
  try {
    const file = await fetchInto(download);
    const program = join(ready, target.slice(folder.length + 1));
    await rename(file, program);
    await chmod(program, 0o755);
    await rename(ready, folder);
  } catch (error) {
    if (!(await isFile(target))) throw error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
