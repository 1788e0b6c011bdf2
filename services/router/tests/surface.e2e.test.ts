import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeClientKey } from '@omg/client-key';
import { createFakeAdmin, startStack, testMongoUrl, testNatsUrl, type FakeAdmin, type Stack } from '@omg/testkit';
import { MongoClient } from 'mongodb';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const OMG = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));
const SHIPPED = new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url);
const MODEL = 'claude-haiku-4-5-20251001';
const QUESTION = [{ role: 'user' as const, content: 'how does a gateway count?' }];
const OLD_KEY = `sk-trollllm-${'7'.repeat(64)}`;
const ROUTER = 'router-ohmygpt-1';

const SiteFile = z.looseObject({ models: z.array(z.looseObject({ id: z.string() })) });
const site = SiteFile.parse(JSON.parse(readFileSync(SHIPPED, 'utf8')));

const resources = new AsyncDisposableStack();
let stack: Stack;
let fake: FakeAdmin;
let path: string;
let url: string;
let ops: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'omg-surface-'));
  resources.defer(async () => {
    await rm(folder, { recursive: true });
  });
  path = join(folder, 'site.json');
  await state({});
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      parts: ['fake-upstream', 'key-broker', 'usage-ledger', 'router-ohmygpt'],
      siteFiles: { ohmygpt: path },
      logLevel: 'info',
      drainTimeoutMs: 10_000,
      env: {
        'router-ohmygpt': {
          LEGACY_KEY_PREFIXES: 'sk-trollllm-',
          BAD_KEYS_PER_MINUTE: '5',
          TRUSTED_PROXIES: '127.0.0.1',
        },
      },
    }),
  );
  fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  url = stack.addresses.ohmygptUrls[0] ?? '';
  ops = stack.addresses.opsUrls[ROUTER] ?? '';
});
afterAll(async () => {
  await resources.disposeAsync();
});

const state = async (change: object): Promise<void> => {
  await writeFile(path, JSON.stringify({ ...site, ...change }));
};
const openai = (apiKey = stack.secrets.clientKey, headers: Record<string, string> = {}): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, defaultHeaders: headers });
const omg = async (args: readonly string[]): Promise<string> => {
  const env = {
    LEDGER_ADDR: stack.addresses.ledgerAddr,
    SERVICE_TOKEN: stack.secrets.operatorToken,
    OLD_URL: testMongoUrl(),
  };
  return (await promisify(execFile)(process.execPath, [OMG, ...args], { env })).stdout;
};
const modelIds = async (): Promise<string[]> => (await Array.fromAsync(openai().models.list())).map(({ id }) => id);
const metric = async (name: string): Promise<string[]> =>
  (await (await fetch(`${ops}/metrics`)).text()).split('\n').filter((line) => line.startsWith(name));
const readiness = async (): Promise<unknown> => await (await fetch(`${ops}/readyz`)).json();

test('the site file is followed, and a faulty one is refused with its reason', async () => {
  const all = site.models.map(({ id }) => id);
  expect(await modelIds()).toEqual(all);
  await state({ models: site.models.slice(0, 1) });
  await expect.poll(modelIds, { timeout: 10_000 }).toEqual(all.slice(0, 1));
  await expect(openai().chat.completions.create({ model: MODEL, messages: QUESTION })).rejects.toThrow(
    OpenAI.NotFoundError,
  );
  await state({ models: [], deadlines: { idleMs: 'soon' } });
  await expect
    .poll(() => stack.logs(ROUTER).find((line) => line.includes('the site file cannot be used')), { timeout: 10_000 })
    .toContain('deadlines.idleMs');
  expect(await modelIds()).toEqual(all.slice(0, 1));
  await state({ addHeaders: { 'x-team': 'gateway' } });
  await expect.poll(modelIds, { timeout: 10_000 }).toEqual(all);
  await openai().chat.completions.create({ model: MODEL, messages: QUESTION });
  const book = (await fake.books()).at(-1);
  expect(Object.fromEntries(book?.requestHeaders ?? [])).toMatchObject({ 'x-team': 'gateway' });
});

test('a count of tokens is asked of the upstream and costs nothing', async () => {
  const before = (await fake.books()).length;
  const response = await fetch(`${url}/v1/messages/count_tokens`, {
    method: 'POST',
    headers: { 'x-api-key': stack.secrets.clientKey },
    body: JSON.stringify({ model: 'claude-haiku-4-5', messages: QUESTION }),
  });
  expect(await response.json()).toMatchObject({ input_tokens: 25 });
  expect((await fake.books()).at(before)).toMatchObject({ path: '/ohmygpt/v1/messages/count_tokens' });
  await expect
    .poll(async () => await metric('omg_router_token_counts'))
    .toEqual([expect.stringMatching(/status="200".* 1$/)]);
  // a later request is in the books, and the count before it is not
  await openai().chat.completions.create({ model: MODEL, messages: QUESTION });
  const mongo = new MongoClient(stack.addresses.ledgerMongoUrl);
  await using _ = { [Symbol.asyncDispose]: async () => await mongo.close() };
  const logs = mongo.db(stack.addresses.ledgerDatabase).collection('request_logs');
  await expect.poll(async () => await logs.countDocuments(), { timeout: 10_000 }).toBe(2);
});

test('a model without a price is refused until its site has one for it, and both services tell', async () => {
  const unpriced = { id: 'unpriced', upstream: 'unpriced' };
  const ask = async (): Promise<string> => {
    const { choices } = await openai().chat.completions.create({ model: 'unpriced', messages: QUESTION });
    return choices[0]?.finish_reason ?? '';
  };
  await state({ models: [...site.models, unpriced] });
  await expect.poll(modelIds, { timeout: 10_000 }).toContain('unpriced');
  await expect(ask()).rejects.toMatchObject({ status: 503, message: expect.stringMatching(/has no price/) as unknown });
  expect(await metric('omg_router_unpriced_requests')).toEqual([expect.stringMatching(/model="unpriced".* 1$/)]);
  await expect
    .poll(() => stack.logs('usage-ledger').find((line) => line.includes('have no price')), { timeout: 10_000 })
    .toContain('ohmygpt/unpriced');
  const defaultPrice = { input: 1, output: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1, multiplier: '2' };
  await state({ models: [...site.models, unpriced], defaultPrice });
  await expect.poll(async () => await ask().catch(() => 'refused'), { timeout: 10_000, interval: 200 }).toBe('stop');
});

test('an event that nobody can read passes, and is counted', async () => {
  await fake.setFault({ fault: { kind: 'malformed', after: { tokens: 2 }, raw: 'data: {no json\n\n' }, once: true });
  const response = await openai()
    .chat.completions.create({ model: MODEL, messages: QUESTION, stream: true })
    .asResponse();
  expect(await response.text()).toContain('data: {no json\n\n');
  await expect
    .poll(async () => await metric('omg_router_unread_stream_events'))
    .toEqual([expect.stringMatching(/dialect="openai".* 1$/)]);
});

test('a key is held to the terms that it was made with', async () => {
  const make = async (...terms: string[]): Promise<OpenAI> =>
    openai((await omg(['keys', 'create', 'demo', '--name', 'restricted', ...terms])).trim());
  const lister = await make('--scopes', 'models', '--models', MODEL);
  expect((await Array.fromAsync(lister.models.list())).map(({ id }) => id)).toEqual([MODEL]);
  const count = { body: { model: MODEL, messages: QUESTION } };
  await expect(lister.post('/messages/count_tokens', count)).rejects.toThrow(OpenAI.PermissionDeniedError);
  const counter = await make('--scopes', 'inference', '--sites', 'ohmygpt');
  expect(await counter.post('/messages/count_tokens', count)).toMatchObject({ input_tokens: 25 });
  await expect(counter.models.list()).rejects.toThrow(OpenAI.PermissionDeniedError);
  const elsewhere = await make('--sites', 'openhands');
  await expect(elsewhere.models.list()).rejects.toThrow(/may not be used at this site/);
});

test('an account of the system before is served by its old key', async () => {
  const mongo = new MongoClient(testMongoUrl());
  const old = mongo.db(`old_${stack.addresses.ledgerDatabase}`);
  await using _ = {
    [Symbol.asyncDispose]: async () => {
      await old.dropDatabase();
      await mongo.close();
    },
  };
  await old
    .collection<{ _id: string; apiKey: string; credits: number }>('usersNew')
    .insertOne({ _id: 'alice', apiKey: OLD_KEY, credits: 5 });
  await omg(['import', 'trollllm', '--from-env', 'OLD_URL', '--database', old.databaseName, '--yes']);
  const answer = await openai(OLD_KEY).chat.completions.create({ model: MODEL, messages: QUESTION });
  expect(answer.choices).toHaveLength(1);
});

test('an address that presents wrong keys has to wait, and others and known keys do not', async () => {
  const from = { 'x-forwarded-for': '203.0.113.7' };
  const statusOf = async (key: string, headers: Record<string, string>): Promise<number> =>
    (await fetch(`${url}/v1/models`, { headers: { ...headers, authorization: `Bearer ${key}` } })).status;
  const statuses: number[] = [];
  for (let time = 0; time < 6; time += 1) statuses.push(await statusOf(makeClientKey(), from));
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  const limited = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { ...from, 'x-api-key': `sk-trollllm-${'8'.repeat(64)}` },
    body: '{}',
  });
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(1);
  expect(await limited.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
  expect(await statusOf(makeClientKey(), { 'x-forwarded-for': '203.0.113.8' })).toBe(401);
  expect(await statusOf(stack.secrets.clientKey, from)).toBe(200);
  expect(await metric('omg_router_bad_keys')).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/what="limited".* 2$/),
      expect.stringMatching(/what="unknown".* 6$/),
    ]),
  );
  expect(stack.logs(ROUTER).filter((line) => line.includes('203.0.113'))).toEqual([]);
});

test('with more streams than the site allows the router is not ready, until they have ended', async () => {
  await state({ maxOpenStreams: 2 });
  await fake.setFault({ answer: { tokens: { output: 400 }, paceMs: 20 } });
  const leaving = new AbortController();
  const streams = await Promise.all(
    [1, 2, 3].map(
      async () =>
        await openai().chat.completions.create(
          { model: MODEL, messages: QUESTION, stream: true },
          { signal: leaving.signal },
        ),
    ),
  );
  await expect
    .poll(readiness, { timeout: 10_000 })
    .toEqual({ ready: false, failing: { 'open streams': 'more than 2 streams are open' } });
  expect(await metric('omg_router_open_streams')).toEqual([expect.stringMatching(/ 3$/)]);
  leaving.abort();
  await Promise.all(streams.map(async (stream) => await Array.fromAsync(stream)));
  await expect.poll(readiness, { timeout: 10_000 }).toEqual({ ready: true, failing: {} });
  expect(await metric('omg_router_open_streams')).toEqual([expect.stringMatching(/ 0$/)]);
});
