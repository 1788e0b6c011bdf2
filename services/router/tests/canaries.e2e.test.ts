import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeClientKey } from '@omg/client-key';
import { readSiteFile } from '@omg/config';
import { createFakeAdmin, runOmg, searchFiles, startOtlpSink, startStack, type FaultInput } from '@omg/testkit';
import { expect, test, vi } from 'vitest';
import { readUntilBroken } from './read-until-broken.ts';

const SITE_FILE = fileURLToPath(new URL('../../../deploy/config/ohmygpt.dev.json', import.meta.url));
const MODEL = 'claude-haiku-4-5-20251001';
const UPSTREAM_KEY = 'sk-canary-upstream-4Qm8Zt2Vb7Xw1Rn5';
const CLIENT_KEY = makeClientKey();
const STRANGER = makeClientKey();
const SECRETS = [UPSTREAM_KEY, CLIENT_KEY, STRANGER];
/** As they would be inside something that was encoded. */
const ENCODED = SECRETS.map((secret) => Buffer.from(secret).toString('base64').replace(/.{4}$/, ''));
const ROUTES = ['/v1/chat/completions', '/v1/messages', '/v1/messages/count_tokens'];

const telling = (status: number, type: string): FaultInput => ({
  kind: 'status',
  status,
  headers: { 'x-key': UPSTREAM_KEY, 'set-cookie': `key=${UPSTREAM_KEY}` },
  body: {
    type: 'error',
    error: { type, message: `what ${UPSTREAM_KEY} asks for is refused`, code: UPSTREAM_KEY, param: UPSTREAM_KEY },
  },
});
const tellingEvent = (tokens: number): FaultInput => ({
  kind: 'error-event',
  after: { tokens },
  error: { type: 'api_error', message: `${UPSTREAM_KEY} has met a fault`, code: UPSTREAM_KEY },
});
/** An upstream that tells the key that it was asked with. */
const TELLING: readonly FaultInput[] = [
  telling(400, 'invalid_request_error'),
  telling(401, 'authentication_error'),
  telling(403, UPSTREAM_KEY),
  telling(404, 'not_found_error'),
  telling(429, 'rate_limit_error'),
  telling(500, 'api_error'),
  tellingEvent(0),
  tellingEvent(5),
];

test('no key of an upstream’s or of a client’s is in any answer, log, trace, metric, or file of MongoDB, NATS or a journal', async () => {
  await using sink = await startOtlpSink();
  await using directory = await mkdtempDisposable(join(tmpdir(), 'omg-canaries-'));
  const siteFile = join(directory.path, 'ohmygpt.json');
  await writeFile(siteFile, JSON.stringify({ ...readSiteFile(SITE_FILE), retry: { attempts: 1 } }));
  await using stack = await startStack({
    siteFiles: { ohmygpt: siteFile },
    otlpEndpoint: sink.url,
    logLevel: 'debug',
    tenants: [
      {
        id: 'canary',
        name: 'canary-tenant',
        type: 'personal',
        creditsUsd: '10',
        keys: [{ id: 'canary-key', name: 'key', key: CLIENT_KEY }],
      },
    ],
    env: { 'key-broker': { OHMYGPT_API_KEYS: UPSTREAM_KEY } },
  });
  const fake = createFakeAdmin(stack.addresses.fakeAdminUrl);
  const url = stack.addresses.ohmygptUrls[0] ?? '';
  const answers: string[] = [];
  const ask = async (path: string, stream: boolean, key = CLIENT_KEY): Promise<number> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, stream, max_tokens: 50, messages: [{ role: 'user', content: 'hello' }] }),
    });
    const { text } = await readUntilBroken(response);
    answers.push(JSON.stringify([...response.headers]), text);
    return response.status;
  };
  for (const path of ROUTES) for (const stream of [false, true]) expect(await ask(path, stream)).toBe(200);
  for (const fault of TELLING) {
    await fake.setFault({ fault });
    for (const path of ROUTES.slice(0, 2)) {
      const status = await ask(path, true);
      if (status < 500) continue;
      const { code } = await runOmg(stack, 'upstream-keys reset env-1 --provider ohmygpt');
      expect(code).toBe(0);
    }
    await fake.clearFaults();
  }
  expect(await ask('/v1/messages', false, STRANGER)).toBe(401);
  for (const path of ['/v1/models', '/v1/account'])
    answers.push(await (await fetch(url + path, { headers: { authorization: `Bearer ${CLIENT_KEY}` } })).text());
  const told = (await fake.books()).filter(({ fault }) => fault !== null);
  expect(told.map(({ key }) => key)).toEqual(Array.from({ length: 2 * TELLING.length }, () => UPSTREAM_KEY));

  const metrics = await Promise.all(
    Object.values(stack.addresses.opsUrls).map(async (ops) => await (await fetch(`${ops}/metrics`)).text()),
  );
  await vi.waitUntil(() => sink.spans().some(({ name }) => name === 'charge'), { timeout: 15_000, interval: 50 });
  const traces = JSON.stringify(sink.spans());
  // what nobody charges stays in the journal
  await stack.kill('usage-ledger');
  for (const path of ROUTES) expect(await ask(path, true)).toBe(200);
  await stack.kill('router-ohmygpt-1');
  for (const name of stack.names.toReversed()) await stack.stop(name);
  const outputs = stack.names.flatMap((name) => stack.logs(name)).join('\n');
  const files = searchFiles(stack.dataDir, [...SECRETS, ...ENCODED, 'canary-key', 'router']);

  // what is not secret is found in each, so that finding nothing means something
  const foldersWith = (text: string): ReadonlySet<string> =>
    new Set((files.get(text) ?? []).map((path) => path.split('/')[0] ?? ''));
  expect([...foldersWith('canary-key')]).toEqual(expect.arrayContaining(['mongo', 'nats', 'journal', 'logs']));
  expect(outputs).toContain('canary-key');
  expect(traces).toContain('"name":"charge"');
  expect(metrics.join('')).toContain('omg_router_requests_total');
  expect(answers.join('')).toContain('is refused');

  for (const text of [...SECRETS, ...ENCODED]) {
    expect(answers.filter((answer) => answer.includes(text))).toEqual([]);
    expect(metrics.filter((one) => one.includes(text))).toEqual([]);
    expect([outputs.includes(text), traces.includes(text), files.get(text)]).toEqual([false, false, []]);
  }
});
