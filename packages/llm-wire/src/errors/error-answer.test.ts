import { expect, test } from 'vitest';
import { errorAnswer, errorBody, errorEvent } from './error-answer.ts';
import { heartbeat } from '../sse/heartbeat.ts';

const details = { message: 'No "such" key.', requestId: 'r1' };

test.each([
  ['invalid_key', 401, 'invalid_api_key', 401, 'authentication_error', 'false', undefined],
  ['forbidden', 403, 'permission_denied', 403, 'permission_error', undefined, undefined],
  ['rate_limited', 429, 'rate_limit_exceeded', 429, 'rate_limit_error', undefined, '3'],
  ['money_spent', 429, 'insufficient_quota', 402, 'billing_error', 'false', undefined],
  ['no_key_available', 503, 'server_is_overloaded', 529, 'overloaded_error', undefined, '3'],
  ['upstream_failed', 502, 'upstream_error', 502, 'api_error', undefined, undefined],
  ['upstream_timeout', 504, 'upstream_timeout', 504, 'timeout_error', undefined, undefined],
  ['money_unknown', 503, 'billing_unavailable', 529, 'overloaded_error', undefined, '3'],
] as const)(
  '%s is answered as each SDK expects',
  (kind, openaiStatus, code, anthropicStatus, type, shouldRetry, retryAfter) => {
    const openai = errorAnswer('openai', kind, { ...details, retryAfterMs: 2001 });
    expect(openai.status).toBe(openaiStatus);
    expect(JSON.parse(openai.body.toString())).toMatchObject({
      error: { code, message: details.message, param: null },
    });
    const anthropic = errorAnswer('anthropic', kind, { ...details, retryAfterMs: 2001 });
    expect(anthropic.status).toBe(anthropicStatus);
    expect(JSON.parse(anthropic.body.toString())).toEqual({
      type: 'error',
      error: { type, message: details.message },
      request_id: 'r1',
    });
    for (const { headers } of [openai, anthropic]) {
      expect(headers['x-should-retry']).toBe(shouldRetry);
      expect(headers['retry-after']).toBe(retryAfter);
    }
    expect(openai.headers['x-request-id']).toBe('r1');
    expect(anthropic.headers['request-id']).toBe('r1');
  },
);

test('an error event is one event of the dialect, and closes an event that was cut', () => {
  const body = (dialect: 'openai' | 'anthropic'): string => errorBody(dialect, 'upstream_failed', details).toString();
  expect(errorEvent('openai', 'upstream_failed', details).toString()).toBe(`data: ${body('openai')}\n\n`);
  expect(errorEvent('anthropic', 'upstream_failed', { ...details, midEvent: true }).toString()).toBe(
    `\n\nevent: error\ndata: ${body('anthropic')}\n\n`,
  );
});

test('a heartbeat is a comment for OpenAI and a ping for Anthropic', () => {
  expect(heartbeat('openai').toString()).toMatch(/^: .*\n\n$/);
  expect(heartbeat('anthropic').toString()).toBe('event: ping\ndata: {"type": "ping"}\n\n');
});
