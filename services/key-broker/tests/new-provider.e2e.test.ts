import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { startFakeUpstream, testMongoUrl, testNatsUrl, type FakeUpstream } from '@omg/testkit';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startGateway, type Gateway } from './e2e-gateway.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const MODEL = 'third-model-1';
const MESSAGES = [{ role: 'user' as const, content: 'hello' }];

const resources = new AsyncDisposableStack();
let gateway: Gateway;
let upstream: FakeUpstream;
let url = '';

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'omg-third-'));
  resources.defer(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  upstream = resources.use(await startFakeUpstream({ models: [MODEL], keys: ['third-key-1'] }));
  // all that there is of the provider: its entry, and its site
  const entry = [
    { name: 'third', primary: { baseUrl: `${upstream.url}/third`, chatCompletionsPath: '/chat/completions' } },
  ];
  const price = { input: '2', output: '10', cacheWrite5m: '0', cacheWrite1h: '0', cacheRead: '0' };
  const site = { site: 'third', provider: 'third', port: 8006, models: [{ id: 'third', upstream: MODEL, price }] };
  const providersFile = join(folder, 'providers.json');
  const siteFile = join(folder, 'third.json');
  await writeFile(providersFile, JSON.stringify(entry));
  await writeFile(siteFile, JSON.stringify(site));
  const siteFiles = ['openhands', 'ohmygpt'].map((name) => join(ROOT, `deploy/config/${name}.dev.json`));
  gateway = resources.use(
    await startGateway({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      usageStream: 'USAGE_third',
      env: {
        'key-broker': {
          PROVIDERS: 'ohmygpt,openhands,third',
          PROVIDERS_FILE: providersFile,
          THIRD_API_KEYS: 'third-key-1',
        },
        'usage-ledger': { SITE_FILES: [...siteFiles, siteFile].join(',') },
      },
    }),
  );
  url = await startRouter(siteFile, join(folder, 'journal'));
});
afterAll(async () => {
  await resources.disposeAsync();
});

/** A router of the new site beside those that a stack has. */
async function startRouter(siteFile: string, journalDir: string): Promise<string> {
  const { addresses, secrets } = gateway.stack;
  const child = spawn(process.execPath, [join(ROOT, 'services/router/src/main.ts')], {
    env: {
      OMG_ENV: 'dev',
      SITE_FILE: siteFile,
      LISTEN: '127.0.0.1:0',
      OPS_LISTEN: '127.0.0.1:0',
      BROKER_ADDR: addresses.brokerAddr,
      LEDGER_ADDR: addresses.ledgerAddr,
      SERVICE_TOKEN: secrets.routerToken,
      NATS_URL: addresses.natsUrl,
      USAGE_STREAM: 'USAGE_third',
      JOURNAL_DIR: journalDir,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  resources.defer(async () => {
    child.kill();
    await exited;
  });
  for await (const line of createInterface(child.stdout)) {
    const port = /"port":(\d+).*"msg":"listening"/.exec(line)?.[1];
    if (port !== undefined) {
      child.stdout.resume();
      return `http://127.0.0.1:${port}`;
    }
  }
  throw new Error('the router has ended');
}

test('a provider that is one entry and one site file is served, streamed or not, and billed', async () => {
  const ids: string[] = [];
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: gateway.stack.secrets.clientKey,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      ids.push(response.headers.get('x-request-id') ?? '');
      return response;
    },
  });
  const answer = await client.chat.completions.create({ model: 'third', messages: MESSAGES });
  expect(answer.choices[0]?.finish_reason).toBe('stop');
  const stream = await client.chat.completions.create({ model: 'third', messages: MESSAGES, stream: true });
  expect((await Array.fromAsync(stream)).at(-1)?.choices[0]?.finish_reason).toBe('stop');
  expect(
    upstream.books().map(({ path, key, model, stream: isStream, status }) => [path, key, model, isStream, status]),
  ).toEqual([
    ['/third/chat/completions', 'third-key-1', MODEL, false, 200],
    ['/third/chat/completions', 'third-key-1', MODEL, true, 200],
  ]);
  const logs = gateway.ledgerDb.collection<{ _id: string }>('request_logs');
  await vi.waitFor(
    async () => {
      const rows = await logs
        .find({ _id: { $in: ids } })
        .sort({ _id: 1 })
        .toArray();
      // 25 tokens in at 2 USD, 20 out at 10 USD a million
      const billed = { provider: 'third', site: 'third', inputTokens: 25, outputTokens: 20, costNanoUsd: 250_000n };
      expect(rows).toMatchObject([
        { ...billed, stream: false },
        { ...billed, stream: true },
      ]);
    },
    { timeout: 10_000, interval: 50 },
  );
  const { providers } = await gateway.leases.listProviders({});
  expect(providers.find(({ name }) => name === 'third')).toMatchObject({
    ready: true,
    keys: 1,
    proxyPolicy: 'allowed',
  });
});
