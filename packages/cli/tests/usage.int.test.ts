import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindService, type BoundService } from '@omg/grpc';
import { eventsV1, usageV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { jsonLines, OMG_COMPILE_CACHE, OMG_PROGRAM, runOmgIn, type OmgOutcome } from '@omg/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { serveForOmg, TOKEN, unused } from './serve-for-omg.ts';

const stack = new AsyncDisposableStack();
let directory: string;
let environment: Readonly<Record<string, string>>;
let asked: object[] = [];
/** What is charged, in the order of the charges. */
let charged: usageV1.RequestLog[] = [];

beforeAll(async () => {
  directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-usage-')), async (path) => {
    await rm(path, { recursive: true });
  });
  const telemetry = stack.use(startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }));
  const server = stack.use(await serveForOmg([usage()], telemetry));
  environment = { LEDGER_ADDR: `127.0.0.1:${server.port}`, SERVICE_TOKEN: TOKEN };
});
afterAll(async () => {
  await stack.disposeAsync();
});
beforeEach(() => {
  asked = [];
  charged = [];
});

async function omg(line: string): Promise<OmgOutcome> {
  return await runOmgIn({ cwd: directory, env: { TZ: 'Europe/Berlin', ...environment } }, line);
}

const SUMS: usageV1.Sums = {
  requests: 1_000n,
  successes: 991n,
  failures: [
    { kind: 'rate_limited', count: 6n },
    { kind: 'gone\u001B[2J', count: 3n },
  ],
  tokens: { input: 12_345n, output: 1_048n, cacheWrite5m: 1_500n, cacheWrite1h: 58n, cacheRead: 62_745n },
  costNanoUsd: 1_050_000_000n,
  listCostNanoUsd: 1_000_000_000n,
  latency: { count: 991n, meanMs: 1_234.5, p50Ms: 900n, p95Ms: 4_000n, p99Ms: 9_000n },
  firstToken: { count: 0n, meanMs: 0 },
};
const HALF: usageV1.Sums = { ...SUMS, requests: 500n, costNanoUsd: 525_000_000n, listCostNanoUsd: 500_000_000n };

function usage(): BoundService {
  return bindService(usageV1.UsageService, {
    getLog: unused,
    listLogs: async (request) => {
      asked.push(request);
      return await Promise.resolve({ logs: charged.toReversed().slice(0, request.pageSize), nextPageToken: '' });
    },
    tailLogs: async (request) => {
      asked.push(request);
      const from = request.pageToken === '' ? Math.max(0, charged.length - 1) : Number(request.pageToken);
      const logs = request.pageToken === '' ? [] : charged.slice(from);
      return await Promise.resolve({ logs, nextPageToken: String(from + logs.length) });
    },
    summarise: async (request) => {
      asked.push(request);
      const names = request.groupBy.map((dimension) => dimension.replace('DIMENSION_', '').toLowerCase());
      const groups = [SUMS, HALF].map((sums, index) => ({ values: names.map((name) => `${name}-${index}`), sums }));
      const { from, to } = request;
      return await Promise.resolve({ from, to, total: SUMS, groups: names.length === 0 ? [] : groups, groupCount: 7 });
    },
    async *getSeries(request) {
      asked.push(request);
      const at = (hour: number) => new Date(Date.UTC(2026, 9, 24, 22 + hour));
      const points = [SUMS, HALF].map((sums, index) => ({
        from: at(index),
        to: at(index + 1),
        total: sums,
        groups: [{ values: ['model-x'], sums }],
      }));
      await Promise.resolve();
      for (const point of points) yield { points: [point] };
    },
    listRefusals: async (request) => {
      asked.push(request);
      const minute = new Date('2026-11-20T12:34:00Z');
      const of = { site: 'ohmygpt', dialect: eventsV1.Dialect.OPENAI, merged: false, tenantId: '', clientKeyId: '' };
      const times = { firstMinute: minute, lastMinute: minute };
      const refusals: usageV1.RefusedRequests[] = [
        { ...of, ...times, kind: 'invalid_key', statusCode: 401, count: 12_345n },
        { ...of, ...times, tenantId: 'demo', clientKeyId: 'demo-key', kind: 'money_spent', statusCode: 429, count: 2n },
        { ...of, ...times, kind: 'rate_limited', statusCode: 429, count: 1n, merged: true },
      ];
      const from = Number(request.pageToken);
      const page = refusals.slice(from, from + request.pageSize);
      const to = from + page.length;
      return await Promise.resolve({ refusals: page, nextPageToken: to < refusals.length ? String(to) : '' });
    },
  });
}

function log(number: number): usageV1.RequestLog {
  const acceptedAt = new Date(Date.UTC(2026, 10, 20, 12, 0, number));
  return {
    costNanoUsd: 1n,
    creditType: 'credits',
    priceVersion: 'p@1',
    chargedAt: acceptedAt,
    event: eventsV1.UsageEvent.create({ requestId: `request-${number}`, acceptedAt, statusCode: 200, success: true }),
  };
}

describe('omg usage summary', () => {
  test('lays the whole out, in the zone that is asked for', async () => {
    expect(await omg('usage summary --from 2026-11-01 --to 2026-11-02 --zone Asia/Kolkata --tenant demo')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        '2026-11-01 00:00 to 2026-11-02 00:00, Asia/Kolkata\n',
        '  requests           1,000\n',
        '  succeeded          991 (99.1 %)\n',
        '    rate_limited     6\n',
        `    ${String.raw`gone\u{1b}[2J`}    3\n`,
        '  input, not cached  12,345\n',
        '  cache write        1,558\n',
        '  cache read         62,745\n',
        '  output             1,048\n',
        '  cost               $1.05\n',
        '  latency            p50 900 ms, p95 4,000 ms, p99 9,000 ms\n',
        '  first token        -\n',
      ].join(''),
    });
    expect(asked).toEqual([
      {
        from: new Date('2026-10-31T18:30:00Z'),
        to: new Date('2026-11-01T18:30:00Z'),
        scope: { tenantId: 'demo' },
        groupBy: [],
        limit: 100,
        quantiles: true,
      },
    ]);
  });

  test('with --by prints a row for each group, and says how many more there are', async () => {
    expect(await omg('usage summary --by tenant,model --limit 2')).toEqual({
      code: 0,
      stderr: '5 more rows: --limit N\n',
      stdout: [
        'TENANT    MODEL    REQUESTS  SUCCESS   INPUT  CACHE WRITE  CACHE READ  OUTPUT          COST\n',
        'tenant-0  model-0     1,000   99.1 %  12,345        1,558      62,745   1,048  $1.050000000\n',
        'tenant-1  model-1       500  198.2 %  12,345        1,558      62,745   1,048  $0.525000000\n',
      ].join(''),
    });
    expect(asked).toMatchObject([{ groupBy: ['DIMENSION_TENANT', 'DIMENSION_MODEL'], limit: 2, quantiles: false }]);
  });

  test('with --json prints exact money, and null for what is not known', async () => {
    const { stdout } = await omg('usage summary --json');
    expect(JSON.parse(stdout)).toMatchObject({
      requests: 1_000,
      failures: { rate_limited: 6 },
      costUsd: '1.05',
      costNanoUsd: '1050000000',
      marginUsd: '0.05',
      latency: { p95Ms: 4_000 },
      firstToken: null,
    });
  });
});

test('omg usage models prints latencies by model', async () => {
  const { stdout } = await omg('usage models --last 24h');
  expect(stdout.split('\n').slice(0, 2)).toEqual([
    'MODEL    REQUESTS  SUCCESS   INPUT  CACHE WRITE  CACHE READ  OUTPUT          COST     P50       P95       P99  FIRST P50  FIRST P95  FIRST P99',
    'model-0     1,000   99.1 %  12,345        1,558      62,745   1,048  $1.050000000  900 ms  4,000 ms  9,000 ms          -          -          -',
  ]);
});

test('omg usage margin prints what was charged beyond the list cost', async () => {
  expect(await omg('usage margin')).toEqual({
    code: 0,
    stderr: 'In all $1.05 charged, $1.00 list cost, $0.05 margin (5.0 %).\n',
    stdout: [
      'SITE    MODEL    REQUESTS       CHARGED     LIST COST        MARGIN  OF LIST\n',
      'site-0  model-0     1,000  $1.050000000  $1.000000000  $0.050000000    5.0 %\n',
      'site-1  model-1       500  $0.525000000  $0.500000000  $0.025000000    5.0 %\n',
    ].join(''),
  });
});

describe('omg usage series', () => {
  test('tells hours that a clock shows twice from each other, with bars', async () => {
    const { stdout } = await omg('usage series --step hour --zone Europe/Berlin --bar requests');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^2026-10-25 00:00 \+02:00 .* █{20}$/);
    expect(lines[2]).toMatch(/^2026-10-25 01:00 \+02:00 .* █{10}$/);
    expect(asked).toMatchObject([{ step: 'STEP_HOUR', timeZone: 'Europe/Berlin', groupBy: [] }]);
  });

  test('with --by and --json prints a line for each point and group', async () => {
    const { stdout } = await omg('usage series --by model --json');
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      from: '2026-10-24T22:00:00.000Z',
      model: 'model-x',
      requests: 1_000,
    });
  });
});

describe('omg logs refused', () => {
  test('prints who was refused why, minute by minute', async () => {
    expect(await omg('logs refused --site ohmygpt --key demo-key --kind money_spent --from 2026-11-20')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'MINUTE               SITE     TENANT    KEY       DIALECT  CAUSE         STATUS   COUNT\n',
        '2026-11-20 13:34:00  ohmygpt  -         -         openai   invalid_key      401  12,345\n',
        '2026-11-20 13:34:00  ohmygpt  demo      demo-key  openai   money_spent      429       2\n',
        '2026-11-20 13:34:00  ohmygpt  (others)  (others)  openai   rate_limited     429       1\n',
      ].join(''),
    });
    expect(asked).toEqual([
      {
        site: 'ohmygpt',
        clientKeyId: 'demo-key',
        kind: 'money_spent',
        from: new Date('2026-11-19T23:00:00Z'),
        summed: false,
        pageSize: 20,
        pageToken: '',
      },
    ]);
  });

  test('with --sum prints all minutes together, with --all every page', async () => {
    const { stdout } = await omg('logs refused --sum --limit 2');
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'FIRST                LAST                 SITE     TENANT  KEY       DIALECT  CAUSE        STATUS   COUNT',
      '2026-11-20 13:34:00  2026-11-20 13:34:00  ohmygpt  -       -         openai   invalid_key     401  12,345',
      '2026-11-20 13:34:00  2026-11-20 13:34:00  ohmygpt  demo    demo-key  openai   money_spent     429       2',
    ]);
    expect(asked).toMatchObject([{ summed: true, pageSize: 2 }]);
  });

  test('with --json prints a line for each, and null for what is not known', async () => {
    const { stdout } = await omg('logs refused --json --all');
    const lines = jsonLines(stdout);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toEqual({
      firstMinute: '2026-11-20T12:34:00.000Z',
      lastMinute: '2026-11-20T12:34:00.000Z',
      tenantId: null,
      clientKeyId: null,
      site: 'ohmygpt',
      dialect: 'openai',
      kind: 'invalid_key',
      statusCode: 401,
      count: 12_345,
      merged: false,
    });
  });
});

test.each([
  ['usage summary --by planet', '--by takes site, tenant, key, provider, upstream-key, model, not "planet"'],
  ['usage series --step week', '--step is day or hour, not "week"'],
  ['usage summary --last yesterday', '--last is a span such as 90m, 24h, 30d or 52w, not "yesterday"'],
  ['logs list --source guessed', '--source is provider, counted, estimated, none, not "guessed"'],
  ['logs list --follow --all', '--follow does not go with --all or --to'],
])('omg %s is refused in a sentence', async (line, sentence) => {
  expect(await omg(line)).toEqual({ code: 2, stdout: '', stderr: `omg: ${sentence}\n` });
});

test('omg logs list --follow prints the newest last, and then each one once as it is charged', async () => {
  charged = [log(1), log(2), log(3)];
  const child = spawn(
    process.execPath,
    [OMG_PROGRAM, 'logs', 'list', '--follow', '--json', '--limit', '2', '--tenant', 'demo'],
    {
      cwd: directory,
      env: { ...environment, NODE_COMPILE_CACHE: OMG_COMPILE_CACHE },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ids = () => [...text.matchAll(/"requestId":"([^"]+)"/g)].map(([, id]) => id);
  const until = async (wanted: readonly string[]) => {
    await vi.waitFor(
      () => {
        expect(ids()).toEqual(wanted);
      },
      { timeout: 10_000 },
    );
  };
  // the fake's tail begins before its last log, as if that one was charged between the two questions
  await until(['request-2', 'request-3']);
  charged.push(log(4), log(5));
  await until(['request-2', 'request-3', 'request-4', 'request-5']);
  expect(asked.at(-1)).toMatchObject({ tenantId: 'demo' });
  child.kill('SIGINT');
  expect(await exited).toBe(130);
});
