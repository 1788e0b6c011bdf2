import { expect, test } from 'vitest';
import { registerSecret, scrubText } from './scrub-text.ts';

test.each([
  ['401 for sk-omg-abcDEF123_-x', '401 for [redacted]'],
  ['key=sk-ant-api03-xyz', 'key=[redacted]'],
  ['Bearer abc.def-123', 'Bearer [redacted]'],
  ['authorization: Bearer abc.def-123', 'authorization: [redacted]'],
  ['Proxy-Authorization: Basic dXNlcjpwYXNz', 'Proxy-Authorization: [redacted]'],
  ['{"x-api-key":"hunter2","model":"m"}', '{"x-api-key":"[redacted]","model":"m"}'],
  [String.raw`body {\"password\":\"hunter2\"}`, String.raw`body {\"password\":\"[redacted]\"}`],
  ['cookie: a=hunter2; b=hunter3', 'cookie: [redacted]'],
  ['GET /v1?api_key=hunter2&x=1', 'GET /v1?api_key=[redacted]&x=1'],
  ['mongodb://root:hunter2@db:27017/x', 'mongodb://[redacted]@db:27017/x'],
  ['mongodb://root:hun/ter2@db:27017/x', 'mongodb://[redacted]@db:27017/x'],
  ['socks5://hunter2@proxy:1080', 'socks5://[redacted]@proxy:1080'],
  ['jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ', 'jwt [redacted]'],
  ['random 3q2-7wAbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-', 'random [redacted]'],
])('%s', (text, scrubbed) => {
  expect(scrubText(text)).toBe(scrubbed);
});

test.each([
  'connect ECONNREFUSED 127.0.0.1:27017',
  'http://127.0.0.1:8004/v1/models?limit=3',
  'at run (file:///app/node_modules/@omg/telemetry/src/index.ts:12:3)',
  'trace 4bf92f3577b34da6a3ce929d0e0e4736, request 01938f6e-7b1c-7c3e-9d0a-5f3c1b2a4d5e',
  'digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  'prompt_tokens: 12, completion_tokens=3, max_tokens: 4',
  'the task-sk list of desk-lamps',
])('what operators need stays: %s', (text) => {
  expect(scrubText(text)).toBe(text);
});

test('a registered value goes wherever it stands, also encoded for a URL or for JSON', () => {
  registerSecret('pa"ss/wörd');
  registerSecret('pa"ss/wörd-and-more');
  const text = `x pa"ss/wörd y ${encodeURIComponent('pa"ss/wörd')} z ${JSON.stringify('pa"ss/wörd')} pa"ss/wörd-and-more`;
  expect(scrubText(text)).toBe('x [redacted] y [redacted] z "[redacted]" [redacted]');
});

test.each([
  ['one letter', 'a'],
  ['hyphens', 'a-'],
  ['URL beginnings', '://a:'],
  ['mail signs', '://a:b@'],
  ['JWT beginnings', '-eyJaaaa'],
  ['names', 'token '],
  ['key beginnings', '-----BEGIN PRIVATE KEY-----'],
])('a long text of %s is no work', (_, piece) => {
  const startedMs = performance.now();
  scrubText(piece.repeat(16_384 / piece.length));
  expect(performance.now() - startedMs).toBeLessThan(500);
});
