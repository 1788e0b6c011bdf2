import { Secret } from '@omg/config';
import { createGrpcClient } from '@omg/grpc';
import { accountsAdminV1 } from '@omg/proto-gen';
import { startTelemetry } from '@omg/telemetry';
import { startStack, testMongoUrl, testNatsUrl, type Stack } from '@omg/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const MODEL = 'claude-haiku-4-5-20251001';

const resources = new AsyncDisposableStack();
let stack: Stack;
let admin: ReturnType<typeof connect>;
beforeAll(async () => {
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      env: { 'usage-ledger': { ACCOUNT_SNAPSHOT_TTL: '1s' } },
    }),
  );
  admin = resources.use(connect());
});
afterAll(async () => {
  await resources.disposeAsync();
});

function connect() {
  const telemetry = resources.use(
    startTelemetry({ service: 'test', version: '0', instance: 'test', logLevel: 'silent' }),
  );
  const { ledgerAddr: address } = stack.addresses;
  const token = new Secret(stack.secrets.operatorToken);
  return createGrpcClient(accountsAdminV1.AccountsAdminService, { address, token, deadlineMs: 5_000, telemetry });
}

async function makeKey(clientKeyId: string, scopes: readonly string[]): Promise<string> {
  const fields = { name: clientKeyId, scopes: { words: scopes }, limits: [], neverExpires: false };
  return (await admin.createClientKey({ tenantId: 'demo', clientKeyId, fields, actor: 'test' })).secret;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function account(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await fetch(`${stack.addresses.ohmygptUrls[0] ?? ''}${path}`, { headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test('a key learns its balance, limits, budget and last requests, and no secret', async () => {
  const key = stack.secrets.clientKey;
  const asked = await fetch(`${stack.addresses.ohmygptUrls[0] ?? ''}/v1/chat/completions`, {
    method: 'POST',
    headers: bearer(key),
    body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'what is left?' }] }),
  });
  await asked.arrayBuffer();
  const requestId = asked.headers.get('x-request-id');
  const { status, headers, body } = await vi.waitFor(
    async () => {
      const answer = await account('/v1/account', bearer(key));
      expect(answer.body).toMatchObject({ requests: [{ id: requestId }] });
      return answer;
    },
    { timeout: 10_000, interval: 100 },
  );
  expect(status).toBe(200);
  expect(headers.get('content-type')).toContain('application/json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  // 25 at 1 USD and 20 at 5 USD per million
  const cost = { usd: '0.000125', nano_usd: '125000' };
  const left = { usd: '99.999875', nano_usd: '99999875000' };
  expect(body).toMatchObject({
    object: 'account',
    id: 'demo',
    name: 'Demo',
    key: { id: 'demo-key', expires_at: null, scopes: [], models: [], sites: [] },
    balance: { ...left, credits: left, ref_credits: { usd: '0.00', nano_usd: '0' }, spent: cost },
    limits: {
      site: 'ohmygpt',
      key: { requests_per_minute: 1_000, tokens_per_minute: 1_000_000, parallel: 10 },
      account: { requests_per_minute: 1_000, tokens_per_minute: 1_000_000, parallel: 100 },
    },
    budgets: [{ of: 'account', usd: '100.00', period: 'month', time_zone: 'UTC', hard: false, warning: false }],
    requests: [
      {
        id: requestId,
        site: 'ohmygpt',
        model: MODEL,
        stream: false,
        status: 200,
        success: true,
        tokens: { input: 25, cache_write_5m: 0, cache_write_1h: 0, cache_read: 0, output: 20 },
        usage_source: 'provider',
        cost,
      },
    ],
  });
  expect(JSON.stringify(body)).not.toMatch(/sk-|env-\d|fake|127\.0\.0\.1|digest/);
  expect((await account('/account?limit=0', { 'x-api-key': key })).body).toMatchObject({ id: 'demo', requests: [] });
});

test('a key with the scope `account` alone may ask, one without it may not, in either dialect', async () => {
  const asker = await makeKey('asker', ['account']);
  expect(await account('/v1/account', bearer(asker))).toMatchObject({ status: 200, body: { key: { id: 'asker' } } });
  const worker = await makeKey('worker', ['inference']);
  const { status, body } = await account('/v1/account', bearer(worker));
  expect({ status, body }).toMatchObject({ status: 403, body: { error: { code: 'permission_denied' } } });
  expect(await account('/v1/account', { 'x-api-key': worker, 'anthropic-version': '2023-06-01' })).toMatchObject({
    status: 403,
    body: { type: 'error', error: { type: 'permission_error' } },
  });
  expect(await account('/v1/account', bearer('sk-omg-nonsense'))).toMatchObject({ status: 401 });
  expect(await account('/v1/account?limit=101', bearer(asker))).toMatchObject({
    status: 400,
    body: { error: { message: 'limit must be a whole number from 0 to 100' } },
  });
  await admin.operateClientKey({ clientKeyId: 'asker', operation: 'CLIENT_KEY_OPERATION_DISABLE', actor: 'test' });
  await vi.waitFor(
    async () => {
      expect((await account('/v1/account', bearer(asker))).status).toBe(403);
    },
    { timeout: 5_000, interval: 100 },
  );
});

test('while the ledger is away a key is told to try again, within seconds', async () => {
  await stack.kill('usage-ledger');
  const startedMs = performance.now();
  const { status, headers } = await account('/v1/account', bearer(stack.secrets.clientKey));
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('2');
  expect(performance.now() - startedMs).toBeLessThan(6_000);
});
