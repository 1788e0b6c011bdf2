import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Environment } from '@omg/config';
import { emptyDataDirectory, removePids, writePids } from './data-directory.ts';
import { lockDataDirectory } from './data-lock.ts';
import { renderEnvFile, stackEnv } from './env-file.ts';
import { createReviver, sentenceOf, type Reviver } from './reviver.ts';
import { createScreen } from './screen.ts';
import { keepSecrets, writeSecretFile } from './secrets.ts';
import type { StackOptions } from './stack-options.ts';
import { keysOf } from './upstream-keys.ts';
import { DEFAULT_USAGE_STREAM } from './plan-stack.ts';
import { ROOT_DIR, startStack, type Stack } from './start-stack.ts';
import { renderGreeting } from './up-text.ts';
import type { UpOptions } from './up-options.ts';

/** Served by both sites' development files. */
const MODEL = 'claude-haiku-4-5';
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The plan gives these to the processes that need them, and to no other. */
const PLANNED_NAMES = new Set(['MONGODB_URL', 'NATS_URL', 'OPENHANDS_API_KEYS', 'OHMYGPT_API_KEYS']);

/** Runs a stack until it is told to stop; throws a sentence for the operator where it cannot start or has to give up. */
export async function runUp(options: UpOptions, environment: Environment): Promise<void> {
  const startedMs = performance.now();
  const dataDir = resolve(options.dataDir ?? join(ROOT_DIR, 'data'));
  mkdirSync(dataDir, { recursive: true });
  using held = new DisposableStack();
  held.use(lockDataDirectory(dataDir));
  if (options.fresh) emptyDataDirectory(dataDir);
  removePids(dataDir);

  const screen = createScreen(process.stdout, { quiet: options.bench });
  const over = new AbortController();
  let stack: Stack | undefined;
  let reviver: Reviver | undefined;
  const notePids = (): void => {
    if (stack !== undefined && !over.signal.aborted) writePids(dataDir, stack);
  };
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (over.signal.aborted) stack?.killAll();
      else over.abort(signal);
    });
  }
  process.on('SIGUSR1', () => void reviver?.reviveAll());

  try {
    stack = await startStack({
      ...stackOptions(options, environment),
      dataDir,
      secrets: keepSecrets(dataDir),
      signal: over.signal,
      events: {
        onReady: ({ name, source, tookMs }) =>
          screen.print(`  ${name.padEnd(20)} ${seconds(tookMs)}  ${screen.paint('gray', source)}`),
        onProgress: screen.print,
        onLine: screen.show,
        onPids: notePids,
        onDeath: (death) => {
          if (reviver === undefined) over.abort(sentenceOf(death, 'while the stack started'));
          else if (!over.signal.aborted) void reviver.onDeath(death);
        },
      },
    });
    reviver = createReviver({ stack, screen, restart: options.restart, giveUp: (reason) => over.abort(reason) });
    writeSecretFile(join(dataDir, 'env'), renderEnvFile(stackEnv(stack.addresses, stack.secrets)));
    notePids();
    screen.print(
      renderGreeting(
        { stack, model: MODEL, dataDir: shortPath(dataDir), tookMs: performance.now() - startedMs },
        screen.paint,
      ),
    );
    screen.follow();
    if (!over.signal.aborted) await once(over.signal, 'abort');
    screen.say('info', 'stopping');
  } catch (error) {
    if (!over.signal.aborted) throw error;
    screen.say('info', 'stopped before everything had started');
  } finally {
    await stack?.[Symbol.asyncDispose]();
    removePids(dataDir);
  }
  if (over.signal.reason instanceof Error) throw over.signal.reason;
}

function stackOptions(options: UpOptions, environment: Environment): StackOptions {
  const mongodbUrl = given(environment, 'MONGODB_URL');
  // a shell that has read data/env has the NATS_URL of that stack
  const natsUrl =
    given(environment, 'NATS_URL') === environment['OMG_STACK_NATS_URL'] ? undefined : given(environment, 'NATS_URL');
  const usageStream = given(environment, 'USAGE_STREAM');
  const gitCommit = given(environment, 'GIT_COMMIT') ?? checkedOutCommit();
  return {
    portOffset: options.portOffset,
    routersPerSite: options.routersPerSite,
    parts: options.parts,
    databasePrefix: '',
    usageStream: usageStream ?? DEFAULT_USAGE_STREAM,
    upstreamKeys: {
      openhands: keysOf(environment, 'OPENHANDS_API_KEYS'),
      ohmygpt: keysOf(environment, 'OHMYGPT_API_KEYS'),
    },
    baseEnv: Object.fromEntries(Object.entries(environment).filter(([name]) => !PLANNED_NAMES.has(name))),
    ...(mongodbUrl === undefined ? {} : { mongodbUrl }),
    ...(natsUrl === undefined ? {} : { natsUrl }),
    ...(gitCommit === undefined ? {} : { gitCommit }),
    ...(options.bench ? { logLevel: 'warn' } : {}),
  };
}

function given(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === '' ? undefined : value;
}

function checkedOutCommit(): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: ROOT_DIR,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
  } catch {
    return undefined;
  }
}

/** As one would type it here. */
function shortPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
