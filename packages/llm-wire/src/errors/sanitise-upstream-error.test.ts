import { expect, test } from 'vitest';
import { classifyUpstreamError } from './classify-upstream-error.ts';
import type { ErrorAnswer } from './error-answer.ts';
import { sanitiseUpstreamError } from './sanitise-upstream-error.ts';

const hidden = {
  secrets: ['sk-canary-0123456789abcdef', 'proxy-p4ss'],
  hosts: ['llm.upstream.example', '10.1.2.3'],
  names: ['OpenHands', 'proxy-7'],
};

function sanitise(dialect: 'openai' | 'anthropic', status: number, error: object): ErrorAnswer {
  const body = Buffer.from(JSON.stringify({ error }));
  const fault = classifyUpstreamError({ status, contentType: 'application/json', body, nowMs: 0 });
  return sanitiseUpstreamError(fault, { dialect, requestId: 'r1', hidden });
}

const json = ({ body }: ErrorAnswer): unknown => JSON.parse(body.toString());

test('a fault of the request passes with its status, type, code, param and message', () => {
  const error = {
    message: 'temperature must be <= 2 (got 2.10)',
    type: 'invalid_request_error',
    param: 'temperature',
    code: 'bad_value',
  };
  const answer = sanitise('openai', 400, error);
  expect(answer).toMatchObject({ status: 400, headers: { 'x-request-id': 'r1', 'content-type': 'application/json' } });
  expect(json(answer)).toEqual({ error });
});

test('Claude Code reads that its prompt is too long word for word', () => {
  const message = 'prompt is too long: 210000 tokens > 200000 maximum';
  const answer = sanitise('anthropic', 400, { type: 'invalid_request_error', message });
  expect(json(answer)).toEqual({ type: 'error', error: { type: 'invalid_request_error', message }, request_id: 'r1' });
});

test('each route is answered in its own dialect', () => {
  const answer = sanitise('anthropic', 404, {
    message: 'The model `x` does not exist',
    type: 'model_error',
    code: 'model_not_found',
  });
  expect(answer).toMatchObject({ status: 404, headers: { 'request-id': 'r1' } });
  expect(json(answer)).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
});

test.each([
  ['the key', 'bad key sk-canary-0123456789abcdef here', 'bad key [removed] here'],
  ['the masked key', 'bad key sk-canar***cdef here', 'bad key [removed] here'],
  ['the shortened key', 'bad key sk-...cdef here', 'bad key [removed] here'],
  ['any masked key', 'bad key abc****wxyz here', 'bad key [removed] here'],
  ['a password of a proxy', 'via PROXY-P4SS', 'via [removed]'],
  ['a host with its URL', 'POST https://eu.llm.upstream.example:443/v1/x?y=1 failed', 'POST [removed] failed'],
  ['an address', 'connect 203.0.113.9:8080 refused', 'connect [removed] refused'],
  ['a provider and a proxy by name', 'openhands said no through Proxy-7', '[removed] said no through [removed]'],
  ['an organisation', 'in organization org-AbCdEf123456 on tokens', 'in organization [removed] on tokens'],
  ['a request id', 'Bad thing (request id: 20261120100000abc)', 'Bad thing'],
  ['a request id of Anthropic', 'see req_011CQabcdef', 'see [removed]'],
  ['a hashed key', `Key hash ${'ab12'.repeat(16)}`, 'Key hash [removed]'],
  ['a credential', 'got Authorization: Bearer abcdefgh.ijkl', 'got Authorization: [removed]'],
  [
    'what LiteLLM adds',
    'litellm.BadRequestError: AnthropicException - max_tokens: too large. Received Model Group=prod/claude\nAvailable Model Group Fallbacks=None',
    'max_tokens: too large',
  ],
])('takes out %s', (_, message, expected) => {
  expect(json(sanitise('openai', 400, { message, type: 'invalid_request_error' }))).toMatchObject({
    error: { message: expected },
  });
});

test('a type or code that tells too much is left out', () => {
  const answer = sanitise('openai', 400, {
    message: 'no',
    type: 'openhands_error',
    code: 'proxy-7',
    param: 'sk-canary-0123456789abcdef',
  });
  expect(json(answer)).toEqual({ error: { message: 'no', type: 'invalid_request_error', code: null, param: null } });
});

test.each([
  [401, 503, 529],
  [402, 503, 529],
  [403, 502, 502],
  [429, 503, 529],
  [500, 502, 502],
  [529, 502, 502],
])('a %d of the upstream is replaced by the gateway’s own text', (status, openai, anthropic) => {
  for (const [dialect, expected] of [
    ['openai', openai],
    ['anthropic', anthropic],
  ] as const) {
    const answer = sanitise(dialect, status, { message: 'CANARY', type: 'CANARY', code: 'CANARY' });
    expect(answer.status).toBe(expected);
    expect(answer.body.toString()).not.toContain('CANARY');
  }
});
