// What scripts/test runs once everything is installed.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { verify, type Tally } from './verify.ts';
import { ROOT } from './verify-checks.ts';

const HELP = `Usage: scripts/test [--verify] [--unit] [--integration] [--e2e] [--crowds] [-t pattern] [file ...]

Without arguments: everything. Otherwise what is named: the static checks, the tests of these kinds, of these files
(parts of their paths), with these names. MongoDB and NATS are started for it; MONGODB_URL and NATS_URL name running ones,
TEST_INFRA=testcontainers takes both from containers.
`;
const KINDS = ['unit', 'integration', 'e2e', 'crowds'] as const;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      verify: { type: 'boolean' },
      unit: { type: 'boolean' },
      integration: { type: 'boolean' },
      e2e: { type: 'boolean' },
      crowds: { type: 'boolean' },
      testNamePattern: { type: 'string', short: 't' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const kinds = KINDS.filter((kind) => values[kind] === true);
  const pattern = values.testNamePattern;
  const selectsTests = kinds.length > 0 || positionals.length > 0 || pattern !== undefined;
  const tallies: Tally[] = [];
  if (values.verify === true || !selectsTests) tallies.push(await verify());
  if (values.verify !== true || selectsTests) {
    const projects = kinds.flatMap((kind) => ['--project', kind]);
    tallies.push(await runVitest([...projects, ...(pattern === undefined ? [] : ['-t', pattern]), ...positionals]));
  }
  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

async function runVitest(args: readonly string[]): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), 'omg-test-report-'));
  const report = join(directory, 'report.json');
  try {
    const reporters = ['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${report}`];
    const child = spawn(join(ROOT, 'node_modules/.bin/vitest'), ['run', ...reporters, ...args], {
      cwd: ROOT,
      stdio: 'inherit',
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    const tally = await readReport(report);
    // it may also fail as a whole: an error outside any test, a server that cannot be started, no test found
    return code === 0 || tally.failed > 0 ? tally : { ...tally, failed: 1 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Of vitest's JSON reporter, as far as it is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function readReport(path: string): Promise<Tally> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1 };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- vitest wrote it a moment ago
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text) as Report;
  // a file that cannot be loaded has no tests that could fail
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
