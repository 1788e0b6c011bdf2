import { runProgram } from './run-program.ts';
import type { LocateOptions } from './locate-options.ts';

export type Inspection =
  | { readonly kind: 'runs'; readonly version: string }
  | { readonly kind: 'lacks-libraries'; readonly libraries: readonly string[] }
  | { readonly kind: 'broken'; readonly reason: string };

const TIMEOUT_MS = 20_000;

/** Whether a program runs on this machine, by asking its version. */
export async function inspectProgram(path: string, { env, signal }: LocateOptions): Promise<Inspection> {
  const options = { env, signal, timeoutMs: TIMEOUT_MS };
  const { ok, stdout, stderr } = await runProgram(path, ['--version'], options);
  const version = /\bv(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (ok && version !== undefined) return { kind: 'runs', version };
  const firstMissing = missingLibrary(stderr);
  if (firstMissing === undefined) return { kind: 'broken', reason: lastLine(stderr) };
  // the loader names one library at a time, ldd all of them
  const { stdout: listing } = await runProgram('ldd', [path], options);
  return { kind: 'lacks-libraries', libraries: [...new Set([firstMissing, ...unresolvedLibraries(listing)])] };
}

/** Of the dynamic loader's complaint. */
export function missingLibrary(stderr: string): string | undefined {
  return /error while loading shared libraries: (\S+): cannot open/.exec(stderr)?.[1];
}

/** Of ldd's listing. */
export function unresolvedLibraries(listing: string): readonly string[] {
  return [...listing.matchAll(/^\s*(\S+) => not found$/gm)].flatMap(([, library]) =>
    library === undefined ? [] : [library],
  );
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
