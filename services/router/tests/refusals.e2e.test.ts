import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeClientKey } from '@omg/client-key';
import { startStack, testMongoUrl, type Stack } from '@omg/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const OMG = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url));

/** The wrong keys below all come from one address. */
const EVERY_KEY = { BAD_KEYS_PER_MINUTE: '1000000' };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    mongodbUrl: testMongoUrl(),
    env: { 'usage-ledger': { ACCOUNT_SNAPSHOT_TTL: '1s' }, 'router-ohmygpt': EVERY_KEY, 'router-openhands': EVERY_KEY },
  });
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

/** The real command line, asking the real ledger; a line of JSON each. */
async function omg(line: string): Promise<readonly unknown[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [OMG, ...line.split(' '), '--json'], {
    env: { TZ: 'UTC', LEDGER_ADDR: stack.addresses.ledgerAddr, SERVICE_TOKEN: stack.secrets.operatorToken },
    cwd: stack.dataDir,
    timeout: 20_000,
  });
  return stdout
    .split('\n')
    .filter((text) => text !== '')
    .map((text): unknown => JSON.parse(text));
}

type SiteName = 'ohmygpt' | 'openhands';

async function ask(site: SiteName, path: string, key: string, body: string): Promise<number> {
  const urls = site === 'ohmygpt' ? stack.addresses.ohmygptUrls : stack.addresses.openhandsUrls;
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${urls[0] ?? ''}${path}`, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}

async function askTimes(times: number, ...of: Parameters<typeof ask>): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  for (let asked = 0; asked < times; asked += 1) statuses.add(await ask(...of));
  return statuses;
}

async function refusedAre(line: string, rows: readonly object[]): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await omg(`logs refused --sum --all ${line}`)).toMatchObject(rows);
    },
    { timeout: 20_000, interval: 200 },
  );
}

test('refused requests are in `omg logs refused`, by account where it is known, and nowhere by the key that was presented', async () => {
  const known = stack.secrets.clientKey;
  // one of no form, one of the right form, another one each time
  expect(await askTimes(3, 'ohmygpt', '/v1/chat/completions', 'sk-omg-nonsense', '{}')).toEqual(new Set([401]));
  for (let each = 0; each < 4; each += 1)
    expect(await ask('ohmygpt', '/v1/chat/completions', makeClientKey(), '{}')).toBe(401);
  expect(await askTimes(2, 'openhands', '/v1/messages', known, '{"model":"gpt-0"}')).toEqual(new Set([404]));
  expect(await askTimes(1, 'openhands', '/v1/messages', known, '{"model":')).toEqual(new Set([400]));
  await refusedAre('--last 1h', [
    { kind: 'invalid_key', tenantId: null, clientKeyId: null, site: 'ohmygpt', dialect: 'openai', count: 7 },
    { kind: 'model_not_found', tenantId: 'demo', clientKeyId: 'demo-key', site: 'openhands', count: 2 },
    { kind: 'bad_request', tenantId: 'demo', clientKeyId: 'demo-key', statusCode: 400, count: 1 },
  ]);
  await refusedAre('--tenant demo --kind bad_request', [{ count: 1 }]);
  expect(await omg('logs list')).toEqual([]);
  const metrics = await (await fetch(`${stack.addresses.opsUrls['router-ohmygpt-1'] ?? ''}/metrics`)).text();
  expect(metrics).toMatch(/omg_router_refused_requests_total\{[^}]*kind="invalid_key"[^}]*\} 7\b/);

  await omg('tenants suspend demo');
  await vi.waitFor(
    async () => {
      expect(await ask('ohmygpt', '/v1/chat/completions', known, '{}')).toBe(403);
    },
    { timeout: 10_000, interval: 200 },
  );
  await refusedAre('--kind forbidden', [{ tenantId: 'demo', clientKeyId: 'demo-key', statusCode: 403 }]);
  await omg('tenants activate demo');
});

test('while NATS and the ledger are away, refusing is as fast as ever, and nothing that was counted is lost', async () => {
  await stack.stop('nats');
  const startedMs = performance.now();
  expect(await askTimes(50, 'openhands', '/v1/messages', 'sk-omg-nonsense', '{}')).toEqual(new Set([401]));
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  await stack.kill('usage-ledger');
  expect(await askTimes(50, 'openhands', '/v1/messages', 'sk-omg-nonsense', '{}')).toEqual(new Set([401]));
  await stack.restart('nats');
  await stack.restart('usage-ledger');
  await refusedAre('--kind invalid_key --site openhands', [{ dialect: 'anthropic', count: 100 }]);
  // what was not sent yet when a router ends is sent by then
  expect(await askTimes(5, 'openhands', '/v1/messages', 'sk-omg-nonsense', '{}')).toEqual(new Set([401]));
  await stack.stop('router-openhands-1');
  await refusedAre('--kind invalid_key --site openhands', [{ count: 105 }]);
});
