import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommand, type CommandResult } from './run-command.ts';

export const ROOT = resolve(import.meta.dirname, '..');

const SOURCES = ['packages', 'services'];
const GENERATED = 'packages/proto-gen/src';

/** What a change has to satisfy before any test runs; all of it works offline. */
export const CHECKS: Readonly<Record<string, () => Promise<CommandResult>>> = {
  types: async () => await run('tsc', '--noEmit'),
  lint: async () => await run('oxlint', '--type-aware', '--report-unused-disable-directives'),
  imports: async () => await run('depcruise', '--config', '.dependency-cruiser.mjs', ...SOURCES),
  unused: async () => await run('knip', '--no-progress', '--no-config-hints'),
  format: async () => await run('oxfmt', '--check', '.'),
  generated: checkGenerated,
  lock: checkLock,
};

async function run(command: string, ...args: readonly string[]): Promise<CommandResult> {
  return await runCommand(join(ROOT, 'node_modules/.bin', command), args, ROOT);
}

/** The contracts are well formed, and the committed code is what they generate. */
async function checkGenerated(): Promise<CommandResult> {
  const directory = await mkdtemp(join(tmpdir(), 'omg-generated-'));
  try {
    const descriptors = join(directory, GENERATED, 'descriptors.binpb');
    const results = [
      await run('buf', 'lint', 'proto'),
      await run('buf', 'generate', 'proto', '--template', 'buf.gen.yaml', '--output', directory),
      await run('buf', 'build', 'proto', '--output', descriptors),
      await runCommand('diff', ['-r', join(directory, GENERATED, 'gen'), `${GENERATED}/gen`], ROOT),
      await runCommand('cmp', [descriptors, `${GENERATED}/descriptors.binpb`], ROOT),
    ];
    const failed = results.filter(({ ok }) => !ok).map(({ output }) => output);
    return {
      ok: failed.length === 0,
      output: [...failed, 'npm run generate brings the generated code up to date.'].join('\n'),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<Record<string, Manifest & { readonly resolved?: string }>>;
}

/** The lock file names no host, and agrees with every package.json. */
async function checkLock(): Promise<CommandResult> {
  const { packages } = await readJson<LockFile>('package-lock.json');
  const faults: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.resolved?.includes('://') === true)
      faults.push(`package-lock.json names a host: ${path} is ${entry.resolved}`);
    if (path.includes('node_modules/')) continue;
    const manifest = await readJson<Manifest>(join(path, 'package.json')).catch(() => undefined);
    if (manifest === undefined) faults.push(`package-lock.json has ${path}, which is not there`);
    else if (declared(manifest) !== declared(entry))
      faults.push(`package-lock.json does not agree with ${join(path, 'package.json')}: npm install`);
  }
  return { ok: faults.length === 0, output: faults.join('\n') };
}

function declared({ dependencies = {}, devDependencies = {}, optionalDependencies = {} }: Manifest): string {
  return JSON.stringify([dependencies, devDependencies, optionalDependencies].map(sorted));
}

function sorted(group: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(group)
    .map((entry) => entry.join('@'))
    .toSorted();
}

async function readJson<T>(path: string): Promise<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- files of this repository, whose form npm decides
  return JSON.parse(await readFile(join(ROOT, path), 'utf8')) as T;
}
