import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocateOptions } from './locate-options.ts';

export interface Download {
  readonly what: string;
  /** What grows while it is fetched. */
  readonly directory: string;
  readonly sizeMb: number;
}

const EVERY_MS = 3_000;

/** Says what is fetched, and every few seconds how far it is, until it is disposed. */
export function watchDownload({ what, directory, sizeMb }: Download, { onProgress }: LocateOptions): Disposable {
  const startedMs = performance.now();
  onProgress?.(`Downloading ${what}, ${sizeMb} MB.`);
  const timer = setInterval(() => {
    void sizeBytesOf(directory).then((sizeBytes) => {
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      onProgress?.(
        `Downloading ${what}: ${Math.min(sizeMb, Math.round(sizeBytes / 1e6))} of ${sizeMb} MB after ${seconds} s.`,
      );
    });
  }, EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function sizeBytesOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  // a file may be gone before it is looked at
  const sizes = await Promise.all(
    entries.map(async (entry) => await stat(join(directory, entry)).catch(() => undefined)),
  );
  return sizes.reduce((sum, entry) => sum + (entry?.isFile() === true ? entry.size : 0), 0);
}
