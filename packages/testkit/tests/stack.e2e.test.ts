import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { PARTS } from '../src/stack/parts.ts';
import { planStack } from '../src/stack/plan-stack.ts';
import { reservePorts } from '../src/stack/ports.ts';
import { makeSecrets } from '../src/stack/secrets.ts';
import { startStack } from '../src/stack/start-stack.ts';
import { runCurlLine } from './curl-line.ts';
import { isRunning, readPids, startUp, waitUntil } from './up-run.ts';

/** What needs nothing else of the gateway, and starts in a second. */
const SERVERS = ['--only', 'mongo,nats,fake'];

let dataDir = '';
let portOffset = 0;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'omg-up-'));
  const options = { rootDir: '/', dataDir, routersPerSite: 1, parts: PARTS, secrets: makeSecrets(), baseEnv: {} };
  const reservation = await reservePorts((offset) => planStack({ ...options, portOffset: offset }));
  onTestFinished(() => reservation[Symbol.dispose]());
  ({ portOffset } = reservation);
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function up(args: readonly string[], env?: Readonly<Record<string, string>>): ReturnType<typeof startUp> {
  return startUp(['--data', dataDir, '--port-offset', String(portOffset), ...args], env);
}

/** The values of data/env, as a shell has them. */
function sourcedEnv(...names: readonly string[]): readonly string[] {
  const script = `set -eu; . "$0"; for name in "$@"; do eval "printf '%s\\n' \\"\\$$name\\""; done`;
  return execFileSync('bash', ['-c', script, join(dataDir, 'env'), ...names], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('scripts/up', { timeout: 90_000 }, () => {
  test('Ctrl-C stops everything, and a second start finds the same keys and data', async () => {
    const first = up(SERVERS);
    await first.waitFor('Ready in');
    const pids = readPids(dataDir);
    expect([...pids.keys()]).toEqual(['supervisor', 'mongo', 'nats', 'fake-upstream']);
    expect(pids.get('supervisor')).toBe(first.pid);
    expect([...pids.values()].filter(isRunning)).toHaveLength(4);
    const [key, ledgerMongo = ''] = sourcedEnv('OMG_KEY', 'LEDGER_MONGO');
    await using client = new MongoClient(ledgerMongo);
    await client.db().collection('kept').insertOne({ number: 42 });
    first.signal('SIGINT');
    expect(await first.exited).toBe(0);
    expect([...pids.values()].filter(isRunning)).toEqual([]);
    expect(() => readPids(dataDir)).toThrow('ENOENT');

    // in a shell that has read data/env, which names a NATS that is gone
    const [natsUrl = '', stackNatsUrl = ''] = sourcedEnv('NATS_URL', 'OMG_STACK_NATS_URL');
    await using second = up(SERVERS, { NATS_URL: natsUrl, OMG_STACK_NATS_URL: stackNatsUrl });
    await second.waitFor('Ready in');
    expect(sourcedEnv('OMG_KEY')).toEqual([key]);
    expect(await client.db().collection('kept').countDocuments({ number: 42 })).toBe(1);
  });

  test('the whole gateway answers the curl lines that it prints, also after a router was killed', async () => {
    await using run = up(['--routers', '2']);
    await run.waitFor('Ready in');
    const curlLines = run.output().match(/^curl .*$/gm) ?? [];
    const answers = await Promise.all(curlLines.map(runCurlLine));
    expect(answers).toEqual([expect.stringContaining('"chat.completion"'), expect.stringContaining('"message"')]);
    expect([...readPids(dataDir).keys()]).toEqual([
      'supervisor',
      'mongo',
      'nats',
      'fake-upstream',
      'key-broker',
      'usage-ledger',
      'router-openhands-1',
      'router-openhands-2',
      'router-ohmygpt-1',
      'router-ohmygpt-2',
    ]);
    const [urls = '', ...opsUrls] = sourcedEnv('OHMYGPT_URLS', 'BROKER_OPS', 'LEDGER_OPS', 'ROUTER_OPENHANDS_2_OPS');
    expect(urls.split(',')).toHaveLength(2);
    const ready = await Promise.all(opsUrls.map(async (url) => (await fetch(`${url}/readyz`)).status));
    expect(ready).toEqual([200, 200, 200]);
    process.kill(readPids(dataDir).get('router-ohmygpt-1') ?? 0, 'SIGKILL');
    await run.waitFor('router-ohmygpt-1 was killed (SIGKILL); started again in');
    expect(await runCurlLine(curlLines[0] ?? '')).toContain('"chat.completion"');
  });

  test('--fresh empties the data directory and touches nothing else in it', async () => {
    writeFileSync(join(dataDir, 'notes.txt'), 'mine');
    const keys: (string | undefined)[] = [];
    for (const args of [[], ['--fresh']]) {
      await using run = up([...args, '--only', 'fake']);
      await run.waitFor('Ready in');
      keys.push(sourcedEnv('OMG_KEY')[0]);
    }
    expect(keys[1]).toMatch(/^sk-omg-/);
    expect(keys[1]).not.toBe(keys[0]);
    expect(readFileSync(join(dataDir, 'notes.txt'), 'utf8')).toBe('mine');
  });

  test('nobody else can read what is secret', async () => {
    await using run = up(['--only', 'fake']);
    await run.waitFor('Ready in');
    const modes = ['env', 'secrets.json', 'bootstrap.json'].map((name) => statSync(join(dataDir, name)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  });

  test('a taken port is one sentence that names it, and nothing is started', async () => {
    const port = 7003 + portOffset;
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const run = up(SERVERS);
    expect(await run.exited).toBe(1);
    expect(run.output()).toMatch(
      new RegExp(`^scripts/up: Port ${port} \\(fake-upstream\\) is taken by another program; [^\\n]+\\.\\n$`, 'm'),
    );
    expect(() => readPids(dataDir)).toThrow('ENOENT');
    other.close();
  });

  test.runIf(process.platform === 'linux')(
    "each process leads a group of its own, out of a terminal's reach",
    async () => {
      await using run = up(['--only', 'nats,fake']);
      await run.waitFor('Ready in');
      const { supervisor, ...others } = Object.fromEntries(readPids(dataDir));
      expect(supervisor).toBe(run.pid);
      // the fifth field, after the name in parentheses, is the process group
      const groups = Object.values(others).map(
        (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2],
      );
      expect(groups).toEqual(Object.values(others).map(String));
    },
  );

  test('a second one on the same data is refused, and the first goes on', async () => {
    await using first = up(['--only', 'fake']);
    await first.waitFor('Ready in');
    const second = startUp(['--data', dataDir, '--port-offset', String(portOffset + 1), '--only', 'nats']);
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain(`scripts/up: Another scripts/up (pid ${first.pid}) is using ${dataDir}`);
    expect(readPids(dataDir).get('supervisor')).toBe(first.pid);
  });

  test('kill -9 of the supervisor leaves nothing running, and the next start takes over', async () => {
    const run = up(SERVERS);
    await run.waitFor('Ready in');
    const pids = [...readPids(dataDir).values()];
    onTestFinished(() => {
      for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
    });
    run.signal('SIGKILL');
    await run.exited;
    await waitUntil('the end of all processes', () => !pids.some(isRunning));
    await using next = up(['--only', 'nats']);
    await next.waitFor('Ready in');
  });

  test('what is killed from outside is started again, and data/pids is kept current', async () => {
    await using run = up(SERVERS);
    await run.waitFor('Ready in');
    for (const name of ['fake-upstream', 'mongo', 'nats']) {
      const before = readPids(dataDir).get(name) ?? 0;
      process.kill(before, 'SIGKILL');
      await run.waitFor(`${name} was killed (SIGKILL); started again in`);
      const after = readPids(dataDir).get(name) ?? 0;
      expect(after).not.toBe(before);
      expect(isRunning(after)).toBe(true);
    }
  });

  test('what dies too often ends the stack in one sentence', async () => {
    const run = up(['--only', 'nats,fake']);
    await run.waitFor('Ready in');
    const nats = readPids(dataDir).get('nats') ?? 0;
    for (let deaths = 1; deaths <= 4; deaths += 1) {
      process.kill(readPids(dataDir).get('fake-upstream') ?? 0, 'SIGKILL');
      const lines = deaths;
      if (deaths < 4)
        await waitUntil('the restart', () => run.output().split('; started again in').length === lines + 1);
    }
    expect(await run.exited).toBe(1);
    expect(run.output()).toContain('scripts/up: fake-upstream was killed (SIGKILL) after 3 restarts within a minute.');
    expect(isRunning(nats)).toBe(false);
  });

  test('with --no-restart it stays down until SIGUSR1', async () => {
    await using run = up(['--only', 'nats,fake', '--no-restart']);
    await run.waitFor('Ready in');
    process.kill(readPids(dataDir).get('fake-upstream') ?? 0, 'SIGKILL');
    await run.waitFor(`fake-upstream was killed (SIGKILL); it stays down until: kill -USR1 ${run.pid}`);
    expect([...readPids(dataDir).keys()]).toEqual(['supervisor', 'nats']);
    run.signal('SIGUSR1');
    await run.waitFor('fake-upstream was down; started again in');
    expect(isRunning(readPids(dataDir).get('fake-upstream') ?? 0)).toBe(true);
  });

  test("a service that cannot start ends it with the service's own words", async () => {
    const run = up(['--only', 'nats,key-broker'], { LOG_LEVEL: 'loud' });
    expect(await run.exited).toBe(1);
    expect(run.output()).toMatch(
      /^scripts\/up: key-broker ended with exit code 1 while it started\.\n {2}.*LOG_LEVEL/m,
    );
    expect(() => readPids(dataDir)).toThrow('ENOENT');
  });

  test('a faulty option is one sentence', async () => {
    const run = up(['--routers', 'many']);
    expect(await run.exited).toBe(1);
    expect(run.output()).toBe('scripts/up: --routers must be a whole number from 1 to 100, not "many".\n');
  });
});

describe('a stack', { timeout: 90_000 }, () => {
  test('kills, restarts and stops its processes, and leaves nothing behind', async () => {
    const stack = await startStack({ parts: ['nats', 'fake-upstream'] });
    const [first, nats] = [stack.pid('fake-upstream') ?? 0, stack.pid('nats') ?? 0];
    expect(stack.logs('fake-upstream').join('\n')).toContain('"event":"ready"');
    await stack.kill('fake-upstream');
    expect(stack.pid('fake-upstream')).toBeUndefined();
    expect(isRunning(first)).toBe(false);
    await stack.restart('fake-upstream');
    expect((await fetch(`${stack.addresses.fakeAdminUrl}/stats`)).status).toBe(200);
    await stack.stop('fake-upstream');
    await expect(fetch(`${stack.addresses.fakeAdminUrl}/stats`)).rejects.toThrow('fetch failed');
    await stack[Symbol.asyncDispose]();
    expect(isRunning(nats)).toBe(false);
    expect(() => statSync(stack.dataDir)).toThrow('ENOENT');
  });

  test('a log file that has grown too large is begun anew, and any other is continued', async () => {
    mkdirSync(join(dataDir, 'logs'));
    const [large, small] = ['nats', 'fake-upstream'].map((name) => join(dataDir, 'logs', `${name}.log`));
    if (large === undefined || small === undefined) throw new Error('no names');
    writeFileSync(large, '');
    truncateSync(large, 50 * 1024 * 1024 + 1);
    writeFileSync(small, 'before\n');
    await using stack = await startStack({ dataDir, parts: ['nats', 'fake-upstream'] });
    expect(stack.dataDir).toBe(dataDir);
    expect(readFileSync(large, 'utf8')).toMatch(/^\[\d+\] /);
    expect(readFileSync(small, 'utf8')).toMatch(/^before\n\{/);
  });

  test('a process that is stopped as well as one that stops itself is told apart from a death', async () => {
    const deaths: string[] = [];
    await using stack = await startStack({
      parts: ['nats', 'fake-upstream'],
      events: { onDeath: ({ name }) => deaths.push(name) },
    });
    await stack.restart('nats');
    await stack.stop('nats');
    expect(deaths).toEqual([]);
    await stack.kill('fake-upstream', 'SIGTERM');
    await waitUntil('the death', () => deaths.length > 0);
    expect(deaths).toEqual(['fake-upstream']);
  });
});
