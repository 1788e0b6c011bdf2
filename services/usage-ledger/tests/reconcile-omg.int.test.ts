import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { eventsV1 } from '@omg/proto-gen';
import { jsonLines, startFakeUpstream, type FakeUpstream, type OmgOutcome } from '@omg/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { projected, startAudit, type AuditWorld } from './audit-world.ts';
import { makeEvent, publish, settled } from './ledger.ts';
import { askLedgerByOmg } from './ask-ledger-by-omg.ts';

// a process for each line
vi.setConfig({ testTimeout: 120_000 });

let running: AuditWorld;
let upstream: FakeUpstream;
beforeAll(async () => {
  running = await startAudit();
  upstream = await startFakeUpstream({ scenario: { tokens: { input: 1_100, output: 300, cacheRead: 40 } } });
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await running[Symbol.asyncDispose]();
});

const omg = async (line: string, stdin = ''): Promise<OmgOutcome> =>
  await askLedgerByOmg(running.admin, line, { stdin });

async function charge(events: readonly eventsV1.UsageEvent[]): Promise<void> {
  publish(running.admin.world, events);
  await settled(running.admin.world);
  await projected(running.admin.world.db);
}

/** Asks the fake upstream for something; its request id. */
async function askUpstream(): Promise<string> {
  const response = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'key-1' },
    body: JSON.stringify({ model: 'm', max_tokens: 1_000, messages: [] }),
  });
  await response.text();
  return response.headers.get('request-id') ?? expect.fail('the fake gave no request id');
}

/** As a router reports it. */
function eventFor(providerRequestId: string, change: Partial<eventsV1.UsageEvent> = {}): eventsV1.UsageEvent {
  const event = makeEvent({
    tokens: { input: 1_100n, output: 300n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 40n },
    ...change,
  });
  const startedAt = new Date(upstream.bookById(providerRequestId)?.startedAtMs ?? Date.now());
  const attempts = event.attempts.map((attempt) => ({ ...attempt, providerRequestId, startedAt }));
  return { ...event, attempts };
}

test('what agrees is a table without differences and exit code 0; what does not is named and exit code 1', async () => {
  await charge(Array.from({ length: 20 }, () => makeEvent()));
  const good = await omg('reconcile');
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(good.stdout.split('\n').map((line) => line.split(/\s+/)[0])).toEqual([
    'CHECK',
    'balances',
    'revenue',
    'entries',
    'costs',
    'numbers',
    'budgets',
    'rollups',
    'outstanding',
    'dead-letters',
    '',
  ]);
  const { db } = running.admin.world;
  await db.collection<{ _id: string }>('tenants').updateOne({ _id: 't1' }, { $inc: { spentNanoUsd: 1n } });
  const bad = await omg('reconcile');
  const asJson = await omg('reconcile --checks balances,costs --json');
  await db.collection<{ _id: string }>('tenants').updateOne({ _id: 't1' }, { $inc: { spentNanoUsd: -1n } });
  expect(bad).toMatchObject({ code: 1, stderr: 'omg: 2 differences\n' });
  expect(bad.stdout).toMatch(/^balances +\d+ +0 +1 /m);
  expect(bad.stdout).toMatch(/^balances +tenant t1 +spent +\$\d+\.\d{9} +\$\d+\.\d{9}$/m);
  expect(bad.stdout).toMatch(/^revenue +partition \d +revenue/m);
  expect(asJson.code).toBe(1);
  expect(jsonLines(asJson.stdout)).toEqual([
    expect.objectContaining({ type: 'difference', check: 'balances', subject: 'tenant t1', what: 'spent' }),
    expect.objectContaining({ type: 'result', check: 'balances', differences: 1, unknowable: 0 }),
    expect.objectContaining({ type: 'result', check: 'costs', differences: 0 }),
  ]);
});

test('a wrong command line is refused before anything is checked', async () => {
  for (const [line, sentence] of [
    ['reconcile --checks balance', 'there is no check balance; there are balances,'],
    ['reconcile --checks books', '--books FILE|URL is needed'],
    ['reconcile --from 2026-11-01', '--provider, --bound and times go with --books'],
    ['reconcile --books x.csv --bound much', '--bound is a share such as 0.25'],
    ['dead-letters replay', 'which dead letters?'],
    ['dead-letters replay --all', '--yes is needed to charge all dead letters'],
    ['dead-letters replay a --all', 'exclude each other'],
  ] as const) {
    const { code, stderr } = await omg(line);
    expect(stderr).toContain(sentence);
    expect(code).toBeGreaterThan(0);
  }
});

describe("a provider's books", () => {
  test('over HTTP agree with what was charged of them, and every difference is named', async () => {
    upstream.clearBooks();
    const ids = await Promise.all(Array.from({ length: 6 }, askUpstream));
    const [equal = '', counted = '', wrong = '', far = '', refused = '', uncharged = ''] = ids;
    const none = { input: 0n, output: 0n, cacheWrite5m: 0n, cacheWrite1h: 0n, cacheRead: 0n };
    const events = [
      eventFor(equal),
      eventFor(counted, { usageSource: 'USAGE_SOURCE_COUNTED', tokens: { ...none, input: 1_200n, output: 250n } }),
      eventFor(refused, { usageSource: 'USAGE_SOURCE_NONE', tokens: none, success: false }),
    ];
    await charge(events);
    const url = `${upstream.adminUrl}/books`;
    const line = `reconcile --books ${url} --checks books`;
    await charge([eventFor(wrong), eventFor(far), eventFor(uncharged)]);
    const good = await omg(line);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toMatch(/^books +6 +0 +0 /m);
    expect(good.stdout).toContain('1 attempt of which the client got nothing took 1,440 tokens at the provider');

    const logs = running.admin.world.db.collection<{ _id: string }>('request_logs');
    const logOf = { _id: { $exists: true }, 'attempts.providerRequestId': uncharged };
    await logs.updateOne(logOf, { $set: { 'attempts.0.providerRequestId': 'req_nobody' } });
    await logs.updateOne({ 'attempts.providerRequestId': wrong }, { $inc: { outputTokens: 1 } });
    await logs.updateOne(
      { 'attempts.providerRequestId': far },
      { $set: { usageSource: 'estimated', outputTokens: 800 } },
    );
    const bad = await omg(line);
    expect(bad).toMatchObject({ code: 1, stderr: 'omg: 4 differences\n' });
    expect(bad.stdout).toMatch(/^books +request \S+ +output +300 +301$/m);
    expect(bad.stdout).toMatch(/^books +request \S+ +output, estimated +300 +800$/m);
    expect(bad.stdout).toMatch(/^books +request \S+ +attempt req_nobody +in the provider's books +not there$/m);
    expect(bad.stdout).toContain(`provider's request ${uncharged} (m)`);
    const astray = await omg(`reconcile --books ${upstream.adminUrl} --checks books`);
    expect(astray).toMatchObject({ code: 1, stdout: '' });
    expect(astray.stderr).toContain("(status 200, no books: the fake upstream's are at /books)");
    expect((await omg(`${line} --bound 2 --limit 1 --json`)).stdout).toContain('"differences":3');
    await logs.updateOne(
      { 'attempts.providerRequestId': 'req_nobody' },
      { $set: { 'attempts.0.providerRequestId': uncharged } },
    );
    await logs.updateOne({ 'attempts.providerRequestId': wrong }, { $inc: { outputTokens: -1 } });
    await logs.updateOne(
      { 'attempts.providerRequestId': far },
      { $set: { usageSource: 'provider', outputTokens: 300 } },
    );
  });

  test('what is in them and charged after they were read is waited for', async () => {
    const read = Promise.withResolvers<undefined>();
    const entry = {
      id: 1,
      requestId: 'req_late',
      path: '/v1/messages',
      startedAtMs: Date.now(),
      closedAtMs: Date.now(),
      delivered: { input: 1_100, output: 300, cacheRead: 40 },
    };
    const server = createServer((_, response) => {
      response.end(JSON.stringify({ books: [entry] }));
      read.resolve(undefined);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const asking = omg(`reconcile --books http://127.0.0.1:${address.port}/books --checks books`);
    await read.promise;
    publish(running.admin.world, [eventFor('req_late')]);
    const { code, stdout } = await asking;
    server.close();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^books +1 +0 +0 /m);
  });

  test('as a CSV file of one provider and a time', async () => {
    const at = Date.now() - 3_600_000;
    const timeOf = (ms: number): string => new Date(at + ms).toISOString();
    const events = ['one', 'two', 'three'].map((id, index) => {
      const event = eventFor(`csv_${id}`, { provider: 'other', acceptedAt: new Date(at + index * 60_000) });
      return {
        ...event,
        attempts: event.attempts.map((attempt) => ({ ...attempt, startedAt: new Date(at + index * 60_000) })),
      };
    });
    await charge(events);
    const lines = events.map(({ attempts: [attempt] }) => {
      const { providerRequestId, startedAt } = attempt ?? expect.fail();
      return `${providerRequestId},m,${startedAt?.toISOString() ?? ''},1100,300,40`;
    });
    const file = join(running.admin.world.directory, 'books.csv');
    await writeFile(file, ['request_id,model,started_at,input,output,cache_read', ...lines].join('\n'));
    const line = `reconcile --checks books --provider other --books ${file}`;
    expect((await omg(line)).stdout).toMatch(/^books +3 +0 +0 /m);
    const half = await omg(`${line} --from ${timeOf(-1)} --to ${timeOf(70_000)}`);
    expect(half.stdout).toMatch(/^books +2 +0 +0 /m);
    const text = ['request_id,input,output', ...['one', 'two'].map((id) => `csv_${id},1100,300`)].join('\n');
    expect(await omg(line.replace(file, '-'), text)).toMatchObject({
      code: 2,
      stderr: 'omg: --from and --to are needed: not every row of - says when it started\n',
    });
    const timed = `${line.replace(file, '-')} --from ${timeOf(-1)} --to ${timeOf(150_000)}`;
    const short = await omg(timed, text);
    expect(short).toMatchObject({ code: 1 });
    expect(short.stdout).toContain('attempt csv_three');
    expect(await omg(`reconcile --checks books --books ${file}x`)).toMatchObject({ code: 1 });
  });
});

test('dead letters are listed, shown and replayed', async () => {
  const events = [makeEvent({ model: 'model-z' }), makeEvent({ tenantId: 'later' }), makeEvent({ tenantId: 'later' })];
  await charge(events);
  const list = await omg('dead-letters list');
  expect(list.code).toBe(0);
  expect(list.stdout.trimEnd().split('\n')).toHaveLength(4);
  expect(list.stdout).toContain('there is no price for model-z on ohmygpt');
  const [first] = events;
  const show = await omg(`dead-letters show ${first?.requestId ?? ''}`);
  expect(show.stdout).toContain('not charged  there is no price for model-z on ohmygpt');
  expect(show.stdout).toMatch(/^ {2}output +1,048$/m);
  expect(jsonLines((await omg(`dead-letters show ${first?.requestId ?? ''} --json`)).stdout)).toMatchObject([
    { id: first?.requestId, event: { tenantId: 't1', dialect: 'anthropic', tokens: { output: 1_048 } } },
  ]);
  const nothing = await omg('dead-letters show nothing');
  expect(nothing.code).toBe(1);
  expect(nothing.stderr).toContain('there is no such dead letter');
  expect((await omg('reconcile --checks dead-letters')).stdout).toContain(
    'dead-letters: 2 not charged: there is no account later',
  );
  await running.admin.admin.createTenant({
    tenantId: 'later',
    name: 'Later',
    type: 'TENANT_TYPE_ORGANIZATION',
    actor: '',
  });
  const some = await omg('dead-letters replay --reason later --yes');
  expect(some).toMatchObject({ code: 0, stdout: '2 dead letters charged\n' });
  const rest = await omg('dead-letters replay --all --yes');
  expect(rest).toMatchObject({ code: 1, stderr: 'omg: 1 dead letter of 1 refused\n' });
  expect(rest.stdout).toContain('there is no price for model-z on ohmygpt');
  expect((await omg('dead-letters list --last 1h --json')).stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(await omg('reconcile')).toMatchObject({ code: 0 });
});
