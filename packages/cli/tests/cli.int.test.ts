import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OmgError } from '@omg/errors';
import { bindService, type BoundService } from '@omg/grpc';
import { eventsV1, usageV1 } from '@omg/proto-gen';
import { startTelemetry, type Telemetry } from '@omg/telemetry';
import { jsonLines, runOmgIn, type OmgOutcome } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { provider, providersService, serveForOmg, TOKEN, unused } from './serve-for-omg.ts';

const NOBODY = '127.0.0.1:1';
const PROVIDERS = [
  provider(),
  provider({
    name: 'openhands',
    ready: false,
    keys: 1,
    keysAvailable: 0,
    reason: 'every key is cooling down',
    backupKeysLeft: 0,
    proxies: 0,
    proxiesUsable: 0,
  }),
];

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const stack = new AsyncDisposableStack();
let telemetry: Telemetry;
let directory: string;
let environment: Readonly<Record<'BROKER_ADDR' | 'LEDGER_ADDR' | 'SERVICE_TOKEN', string>>;
/** What usage-ledger has, newest first, and what it was asked. */
let books: readonly usageV1.RequestLog[] = [];
let asked: usageV1.ListLogsRequest[] = [];

async function omg(line: string, { env = environment, cwd = directory }: RunOptions = {}): Promise<OmgOutcome> {
  return await runOmgIn({ cwd, env: { TZ: 'Europe/Berlin', ...env } }, line);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omg-cli-'));
  stack.defer(async () => {
    await rm(directory, { recursive: true });
  });
  telemetry = stack.use(startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }));
  const [broker, ledger] = await Promise.all([serve(providersService(() => PROVIDERS)), serve(usage())]);
  environment = { BROKER_ADDR: broker, LEDGER_ADDR: ledger, SERVICE_TOKEN: TOKEN };
});
afterAll(async () => {
  await stack.disposeAsync();
});
beforeEach(() => {
  books = [entry(2, ABORTED), entry(1)];
  asked = [];
});

async function serve(service: BoundService): Promise<string> {
  const server = stack.use(await serveForOmg([service], telemetry));
  return `127.0.0.1:${server.port}`;
}

function usage(): BoundService {
  return bindService(usageV1.UsageService, {
    listLogs: async (request) => {
      asked.push(request);
      if (request.tenantId === 'broken') throw new TypeError('a fault nobody foresaw');
      if (request.tenantId === 'stopping') throw new OmgError('unavailable', 'the server is stopping');
      const from = Number(request.pageToken);
      const to = from + request.pageSize;
      const fitting = books.filter(({ event }) => request.site === undefined || event?.site === request.site);
      return {
        logs: fitting.slice(from, to),
        nextPageToken: to < fitting.length ? String(to) : '',
      };
    },
    getLog: async ({ requestId }) => {
      const log = books.find(({ event }) => event?.requestId === requestId);
      if (log === undefined) throw new OmgError('not_found', `no request ${requestId} is in the books`);
      return { log };
    },
    tailLogs: unused,
    summarise: unused,
    // oxlint-disable-next-line require-yield -- nothing comes of it
    async *getSeries() {
      await unused();
    },
    listRefusals: unused,
  });
}

const ABORTED: Partial<eventsV1.UsageEvent> = {
  site: 'openhands',
  statusCode: 499,
  success: false,
  abortReason: 'client_left',
  clientRequestId: 'mine\u001B[2J',
};

const idOf = (number: number): string => `01a1fcbd-1cab-7772-98e7-${String(number).padStart(12, '0')}`;

function entry(number: number, change: Partial<eventsV1.UsageEvent> = {}): usageV1.RequestLog {
  const acceptedAt = new Date(Date.UTC(2026, 10, 20, 23, 30, 0, number));
  const attempt: eventsV1.Attempt = {
    keyId: 'key-1',
    proxyId: '',
    endpoint: 'primary',
    statusCode: 429,
    cause: 'rate_limited',
    providerRequestId: 'req_1',
    startedAt: acceptedAt,
    durationMs: 1_500,
    leaseGeneration: 3n,
  };
  const served = {
    keyId: 'key-2',
    proxyId: 'proxy-9',
    statusCode: 200,
    cause: '',
    providerRequestId: 'req_2',
  };
  return {
    costNanoUsd: 46_657_475n,
    creditType: 'credits',
    priceVersion: 'ohmygpt/model-x@1',
    chargedAt: acceptedAt,
    event: {
      minReaderVersion: 1,
      requestId: idOf(number),
      epoch: 'an-epoch',
      partition: 3,
      number: BigInt(number),
      site: 'ohmygpt',
      provider: 'ohmygpt',
      tenantId: 'demo',
      tenantName: 'Demo Inc',
      clientKeyId: 'demo-key',
      dialect: eventsV1.Dialect.ANTHROPIC,
      stream: true,
      model: 'model-x',
      upstreamModel: 'vendor/model-x',
      acceptedAt,
      latencyMs: 1_234,
      firstTokenMs: 210,
      statusCode: 200,
      success: true,
      finishReason: 'end_turn',
      abortReason: '',
      tokens: {
        input: 1n,
        output: 1_048n,
        cacheWrite5m: 1_558n,
        cacheWrite1h: 0n,
        cacheRead: 62_745n,
      },
      usageSource: eventsV1.UsageSource.PROVIDER,
      attempts: [attempt, { ...attempt, ...served }],
      clientRequestId: '',
      traceParent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      priceVersion: '',
      allowance: undefined,
      ...change,
    },
  };
}

describe('omg logs list', () => {
  test('prints a table with local times, separated thousands and exact money, and no colours into a pipe', async () => {
    expect(await omg('logs list')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'TIME                 REQUEST                               SITE       TENANT  KEY       MODEL    STATUS  RESULT       INPUT  CACHE WRITE  CACHE READ  OUTPUT          COST   LATENCY\n',
        '2026-11-21 00:30:00  01a1fcbd-1cab-7772-98e7-000000000002  openhands  demo    demo-key  model-x     499  client_left      1        1,558      62,745   1,048  $0.046657475  1,234 ms\n',
        '2026-11-21 00:30:00  01a1fcbd-1cab-7772-98e7-000000000001  ohmygpt    demo    demo-key  model-x     200  ok               1        1,558      62,745   1,048  $0.046657475  1,234 ms\n',
      ].join(''),
    });
  });

  test('hands its filters to the ledger', async () => {
    const filters =
      '--site openhands --tenant demo --key demo-key --model m --status 499 --success no --source counted';
    const { stdout } = await omg(`logs list ${filters} --from 2026-11-01 --limit 7 --json`);
    expect(asked).toEqual([
      {
        pageSize: 7,
        pageToken: '',
        site: 'openhands',
        tenantId: 'demo',
        clientKeyId: 'demo-key',
        filter: {
          model: 'm',
          statusCode: 499,
          success: false,
          usageSource: eventsV1.UsageSource.COUNTED,
          from: new Date('2026-10-31T23:00:00Z'),
        },
      },
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ requestId: idOf(2), site: 'openhands' });
  });

  test('with --json prints one whole object per line', async () => {
    const { stdout } = await omg('logs list --json');
    const [aborted, served] = jsonLines(stdout);
    expect(aborted).toMatchObject({ statusCode: 499, success: false, abortReason: 'client_left' });
    expect(served).toMatchObject({
      requestId: idOf(1),
      acceptedAt: '2026-11-20T23:30:00.001Z',
      dialect: 'anthropic',
      usageSource: 'provider',
      tokens: { input: 1, output: 1_048, cacheWrite5m: 1_558, cacheWrite1h: 0, cacheRead: 62_745 },
      costUsd: '0.046657475',
      costNanoUsd: '46657475',
      abortReason: null,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    });
  });

  test('with --all follows the pages to their end, each request once', async () => {
    books = Array.from({ length: 1_001 }, (_, index) => entry(1_001 - index));
    const { stdout } = await omg('logs list --all --json');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => /^{"requestId":"([^"]+)"/.exec(line)?.[1])).toEqual(
      books.map(({ event }) => event?.requestId),
    );
    expect(asked.map(({ pageToken }) => pageToken)).toEqual(['', '500', '1000']);
  });

  test('never prints more than was asked for, over pages too', async () => {
    books = Array.from({ length: 1_001 }, (_, index) => entry(1_001 - index));
    const { stdout } = await omg('logs list --limit 600');
    expect(stdout.trimEnd().split('\n')).toHaveLength(601);
    expect(asked.map(({ pageSize }) => pageSize)).toEqual([500, 100]);
  });

  test('says so when nothing fits, and leaves the output empty', async () => {
    books = [];
    expect(await omg('logs list')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No charged request fits.\n',
    });
    expect(await omg('logs list --json')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('omg logs show', () => {
  test('lays a request out with its tokens, its cost and every attempt', async () => {
    const { code, stdout } = await omg(`logs show ${idOf(1)}`);
    expect(code).toBe(0);
    for (const text of [
      `Request ${idOf(1)}\n`,
      '  accepted        2026-11-21 00:30:00.001 +01:00\n',
      '  result          ok, the client saw 200\n',
      '  tenant          demo (Demo Inc)\n',
      '  trace           4bf92f3577b34da6a3ce929d0e0e4736\n',
      '  cache read         62,745\n',
      '  output              1,048\n',
      '  charged     $0.046657475\n',
    ]) {
      expect(stdout).toContain(text);
    }
    expect(stdout).toMatch(
      /key-1 +3 +direct +primary +429 +rate_limited +1,500 ms +req_1\n.*key-2 +3 +proxy-9 +primary +200 +ok +1,500 ms +req_2\n$/,
    );
  });

  test('shows what clients sent without letting it steer the terminal', async () => {
    const { stdout } = await omg(`logs show ${idOf(2)}`);
    expect(stdout).toContain(String.raw`mine\u{1b}[2J`);
    expect(stdout).not.toContain('\u001B');
  });

  test('of a request that is not there fails', async () => {
    expect(await omg('logs show nothing')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'omg: usage-ledger: no request nothing is in the books\n',
    });
  });
});

test('omg providers list prints the pools', async () => {
  expect(await omg('providers list')).toEqual({
    code: 0,
    stderr: '',
    stdout: [
      'PROVIDER   READY    KEYS  AVAILABLE  SLOTS IN USE  BACKUPS LEFT  PROXIES  NOT READY BECAUSE          ENDPOINT            BACKUP ENDPOINT\n',
      'ohmygpt    yes    12,000     11,999             7            50     9/10  -                          https://up.example  -\n',
      'openhands  no          1          0             7             0      0/0  every key is cooling down  https://up.example  -\n',
    ].join(''),
  });
  const { stdout } = await omg('providers list --json');
  expect(JSON.parse(stdout.split('\n')[1] ?? '')).toMatchObject({
    name: 'openhands',
    ready: false,
    keys: 1,
    backupEndpoint: null,
    owner: null,
    backupKeysLeft: 0,
  });
});

describe('omg status', () => {
  test('succeeds when both services answer', async () => {
    const { code, stdout, stderr } = await omg('status');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^SERVICE .*\nkey-broker +127.0.0.1:\d+ +ok +\d+ ms +-\nusage-ledger +127.0.0.1:\d+ +ok +\d+ ms +-\n$/,
    );
  });

  test('tells the version where the operations listener is known', async () => {
    const operations = createServer((request, response) => {
      const answer = { name: 'key-broker', version: '7.8.9', commit: 'c0ffee' };
      response.end(request.url === '/version' ? JSON.stringify(answer) : 'another page');
    });
    operations.listen(0, '127.0.0.1');
    await once(operations, 'listening');
    stack.defer(() => void operations.close());
    const address = operations.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { stdout } = await omg('status', { env: { ...environment, BROKER_OPS: `http://127.0.0.1:${port}` } });
    expect(stdout).toMatch(/^key-broker .* 7\.8\.9 \(c0ffee\)$/m);
    expect(stdout).toMatch(/^usage-ledger .* -$/m);
  });

  test('fails when one is away, and tells of the other all the same', async () => {
    const { code, stdout, stderr } = await omg('status --json', {
      env: { ...environment, LEDGER_ADDR: NOBODY },
    });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `omg: usage-ledger cannot be reached at ${NOBODY}; is it running? (LEDGER_ADDR)\n`,
    });
    const [broker, ledger] = jsonLines(stdout);
    expect(broker).toMatchObject({ service: 'key-broker', ok: true, error: null });
    expect(ledger).toMatchObject({ service: 'usage-ledger', ok: false, address: NOBODY });
  });
});

describe('a call that fails is one sentence and exit code 1', () => {
  test.each([
    ['a service that is away', `--ledger ${NOBODY}`, `cannot be reached at ${NOBODY}; is it running? (LEDGER_ADDR)`],
    ['a fault inside the service', '--tenant broken', 'at ADDRESS failed: internal error'],
    ['a service that stops', '--tenant stopping', 'at ADDRESS cannot answer now: the server is stopping'],
  ])('%s', async (_, options, sentence) => {
    expect(await omg(`logs list ${options}`)).toEqual({
      code: 1,
      stdout: '',
      stderr: `omg: usage-ledger ${sentence.replace('ADDRESS', environment.LEDGER_ADDR)}\n`,
    });
  });

  test('a token that is not accepted', async () => {
    expect(await omg('providers list', { env: { ...environment, SERVICE_TOKEN: 'of-somebody-else' } })).toEqual({
      code: 1,
      stdout: '',
      stderr: `omg: key-broker at ${environment.BROKER_ADDR} does not accept the service token (SERVICE_TOKEN)\n`,
    });
  });
});

describe('a command line that is wrong is one sentence and exit code 2', () => {
  test.each([
    ['lgos list', 'there is no command "lgos list"; did you mean omg logs list?'],
    ['logs list --limt 3', 'omg logs list has no option --limt; did you mean --limit?'],
    ['logs list --limit 0', '--limit must be a whole number from 1 to 1000000, not "0"'],
    ['logs list --limit 3 --all', '--limit and --all exclude each other'],
    ['providers list --broker nowhere', '--broker must be host:port'],
  ])('omg %s', async (line, sentence) => {
    expect(await omg(line)).toEqual({ code: 2, stdout: '', stderr: `omg: ${sentence}\n` });
  });
});

test('help goes to stdout when it is asked for, and to stderr when nothing is', async () => {
  const [overview, group, command, nothing] = await Promise.all(
    ['--help', 'logs --help', 'logs list --help', ''].map(async (line) => await omg(line)),
  );
  expect([overview, group, command, nothing].map((outcome) => outcome?.code)).toEqual([0, 0, 0, 2]);
  expect(overview?.stdout).toContain('providers list');
  expect(group?.stdout).toContain('logs show');
  expect(group?.stdout).not.toContain('providers list');
  expect(command?.stdout).toContain('--limit N');
  expect(nothing).toMatchObject({ stdout: '', stderr: overview?.stdout });
});

describe('without addresses in the environment', () => {
  test('those of scripts/up are found in a directory above, and --verbose says where', async () => {
    const deep = join(directory, 'up', 'some', 'where');
    await mkdir(deep, { recursive: true });
    await mkdir(join(directory, 'up/data'));
    const path = join(directory, 'up/data/env');
    await writeFile(
      path,
      Object.entries(environment)
        .map(([name, value]) => `export ${name}='${value}'\n`)
        .join(''),
    );
    const { code, stderr } = await omg('logs list --verbose', { env: {}, cwd: deep });
    expect(code).toBe(0);
    expect(stderr).toContain(`usage-ledger at ${environment.LEDGER_ADDR} (LEDGER_ADDR in ${path})`);
    expect(stderr).not.toContain(TOKEN);
  });

  test('options serve as well, the token from a file', async () => {
    const path = join(directory, 'token');
    await writeFile(path, `${TOKEN}\n`);
    const { code } = await omg(`logs list --ledger ${environment.LEDGER_ADDR} --token-file ${path}`, { env: {} });
    expect(code).toBe(0);
  });

  test('the sentence says what to set', async () => {
    expect(await omg('logs list', { env: {} })).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'omg: the address of usage-ledger is not known: set LEDGER_ADDR, or --ledger, or run omg where scripts/up keeps data/env\n',
    });
  });
});
