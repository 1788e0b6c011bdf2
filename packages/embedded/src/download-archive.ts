import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { LocateOptions } from './locate-options.ts';
import { runProgram } from './run-program.ts';
import { watchDownload } from './watch-download.ts';

export interface Archive {
  readonly url: string;
  readonly checksumUrl: string;
  /** Below the archive's single top folder. */
  readonly pathInside: string;
  readonly sizeMb: number;
}

const TIMEOUT_MS = 600_000;
const CHECKSUM_TIMEOUT_MS = 15_000;

/** Fetches an archive whose published SHA-256 it has, and returns the program's path in what it unpacked. */
export async function downloadArchive(archive: Archive, directory: string, options: LocateOptions): Promise<string> {
  const { url, checksumUrl, pathInside, sizeMb } = archive;
  const { env, signal } = options;
  const published = await get(checksumUrl, AbortSignal.any([signal, AbortSignal.timeout(CHECKSUM_TIMEOUT_MS)]));
  const expected = checksumOf(await published.text(), basename(url));
  if (expected === undefined) throw new Error(`${checksumUrl} does not name ${basename(url)}`);
  const file = join(directory, 'archive.tgz');
  {
    using _ = watchDownload({ what: url, directory, sizeMb }, options);
    const answer = await get(url, AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]));
    if (answer.body === null) throw new Error(`${url} is empty`);
    await pipeline(answer.body, createWriteStream(file), { signal });
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest('hex');
  if (actual !== expected) throw new Error(`${url} has SHA-256 ${actual}, and ${checksumUrl} says ${expected}`);
  const unpacked = join(directory, 'unpacked');
  await mkdir(unpacked);
  const tar = await runProgram('tar', ['-xzf', file, '-C', unpacked, '--strip-components=1'], {
    env,
    signal,
    timeoutMs: TIMEOUT_MS,
  });
  if (!tar.ok) throw new Error(`${url} cannot be unpacked: ${tar.stderr}`);
  return join(unpacked, pathInside);
}

/** Of a list as sha256sum writes it; a list of one line may leave the name out. */
export function checksumOf(list: string, fileName: string): string | undefined {
  const lines = list
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/));
  const line =
    lines.find(([, name]) => name === fileName) ??
    (lines.length === 1 && lines[0]?.length === 1 ? lines[0] : undefined);
  return line?.[0]?.toLowerCase();
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal }).catch((error: unknown) => {
    throw new Error(`${new URL(url).host} cannot be reached`, { cause: error });
  });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer;
}
