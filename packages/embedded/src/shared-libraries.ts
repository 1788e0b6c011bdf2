import { runProgram } from './run-program.ts';
import type { LocateOptions } from './locate-options.ts';

/** Debian's names, which newer releases still provide beside their own. */
const APT_PACKAGES: Readonly<Record<string, string>> = {
  'libcurl.so.4': 'libcurl4',
  'libssl.so.3': 'libssl3',
  'libcrypto.so.3': 'libssl3',
  'liblzma.so.5': 'liblzma5',
  'libgcc_s.so.1': 'libgcc-s1',
};
const APT_TIMEOUT_MS = 300_000;

/** The packages that hold these libraries; undefined where one of them is not known. */
export function aptPackagesOf(libraries: readonly string[]): readonly string[] | undefined {
  const packages = libraries.map((library) => APT_PACKAGES[library]);
  return packages.every((name) => name !== undefined) ? [...new Set(packages)] : undefined;
}

/** Installs what a program lacks where that is possible (root, apt-get); throws one sentence that says what to do where it is not. */
export async function provideLibraries(
  program: string,
  libraries: readonly string[],
  options: LocateOptions,
): Promise<void> {
  const { env, signal, onProgress } = options;
  const packages = aptPackagesOf(libraries);
  const lack = `${program} cannot run here without ${libraries.join(', ')}`;
  if (packages === undefined) throw new Error(`${lack}; install what provides it.`);
  const advice = `apt-get install ${packages.join(' ')}`;
  const run = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, signal, timeoutMs: APT_TIMEOUT_MS };
  if (process.getuid?.() !== 0 || !(await runProgram('apt-get', ['--version'], run)).ok) {
    throw new Error(`${lack}; install it as root: ${advice} (or what your system calls them).`);
  }
  onProgress?.(`${lack}; installing ${packages.join(' and ')} with apt-get.`);
  // fails where one of several sources cannot be reached, and the install may work all the same
  await runProgram('apt-get', ['update'], run);
  const { ok, stderr } = await runProgram('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], run);
  if (!ok) throw new Error(`${lack}, and ${advice} failed: ${stderr.trim().split('\n').at(-1) ?? ''}`);
}
