import { expect, test } from 'vitest';
import { clientResponseHeaders, providerRequestId } from './client-response-headers.ts';
import { presentedKey } from './presented-key.ts';
import { presentedSession } from './presented-session.ts';
import { upstreamRequestHeaders } from './upstream-request-headers.ts';

const record = (flat: readonly string[]): Record<string, string> =>
  Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));

test.each([
  [{ authorization: 'Bearer k1' }, 'k1'],
  [['Authorization', 'bearer  k1 '], 'k1'],
  [{ 'x-api-key': ' k2 ' }, 'k2'],
  [[Buffer.from('X-Api-Key'), Buffer.from('k2')], 'k2'],
  [{ 'x-api-key': 'k2', authorization: 'Bearer k1' }, 'k1'],
  [{ 'x-api-key': 'k2', authorization: 'Basic eDp5' }, 'k2'],
  [{ authorization: 'Bearer ' }, undefined],
  [{ 'x-api-key': 'k'.repeat(513) }, undefined],
  [{}, undefined],
])('reads the key that %j presents', (headers, key) => {
  expect(presentedKey(headers)).toBe(key);
});

test('a session that a client chose deliberately goes before what its agent sends', () => {
  expect(presentedSession(['X-Session-Id', 'a', 'X-OMG-Session', 'b'])).toBe('b');
  expect(presentedSession({ 'x-claude-code-session-id': 'c' })).toBe('c');
  expect(presentedSession({ 'x-omg-session': '' })).toBeUndefined();
});

const CLIENT = {
  host: 'chat.example',
  authorization: 'Bearer CLIENTKEY',
  'x-api-key': 'CLIENTKEY',
  cookie: 'a=b',
  'x-forwarded-for': '1.2.3.4',
  'idempotency-key': 'i',
  'openai-organization': 'org-1',
  'x-request-id': 'mine',
  'accept-encoding': 'gzip',
  'content-length': '12',
  connection: 'keep-alive',
  'anthropic-version': '2026-10-21',
  'anthropic-beta': 'a,b',
  'content-type': 'application/json; charset=utf-8',
  accept: 'application/json',
  'user-agent': 'sdk/1',
};

test('only what an upstream needs goes up, and the client’s credential never', () => {
  expect(record(upstreamRequestHeaders(CLIENT, { dialect: 'anthropic', key: 'UP' }))).toEqual({
    'anthropic-version': '2026-10-21',
    'anthropic-beta': 'a,b',
    'content-type': 'application/json; charset=utf-8',
    accept: 'application/json',
    'user-agent': 'sdk/1',
    'accept-encoding': 'identity',
    'x-api-key': 'UP',
  });
});

test('a site’s user agent and additions replace the client’s, but never the credential', () => {
  const headers = record(
    upstreamRequestHeaders(['User-Agent', 'sdk/1', 'Anthropic-Beta', 'a', 'anthropic-beta', 'b'], {
      dialect: 'openai',
      key: 'UP',
      userAgent: 'site/1',
      add: { 'X-Site': '1', Authorization: 'Bearer other', 'x-api-key': 'other' },
    }),
  );
  expect(headers).toEqual({
    'user-agent': 'site/1',
    'anthropic-beta': 'a, b',
    'content-type': 'application/json',
    'x-site': '1',
    'accept-encoding': 'identity',
    authorization: 'Bearer UP',
  });
});

test('an Anthropic upstream is always told a version', () => {
  expect(record(upstreamRequestHeaders({}, { dialect: 'anthropic', key: 'UP', credential: 'bearer' }))).toMatchObject({
    'anthropic-version': '2023-06-01',
    authorization: 'Bearer UP',
  });
});

test('nothing of the upstream’s limits, organisation, cookies and servers comes down', () => {
  const upstream = {
    'content-type': 'text/event-stream',
    'content-encoding': 'gzip',
    'cache-control': 'no-cache',
    'x-ratelimit-limit-requests': '1',
    'anthropic-ratelimit-requests-limit': '1',
    'anthropic-organization-id': 'o',
    'openai-organization': 'o',
    'set-cookie': ['a=b', 'c=d'],
    server: 's',
    via: 'v',
    'request-id': 'req_1',
    'x-request-id': 'up',
    'retry-after': '1',
    'content-length': '5',
    'transfer-encoding': 'chunked',
    'x-litellm-model-id': 'm',
  };
  expect(record(clientResponseHeaders(upstream))).toEqual({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
  });
  expect(record(clientResponseHeaders(upstream, { encoded: true }))['content-encoding']).toBe('gzip');
  expect(providerRequestId(upstream)).toBe('req_1');
});
