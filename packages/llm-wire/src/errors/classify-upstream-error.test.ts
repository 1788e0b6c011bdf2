import { expect, test } from 'vitest';
import { classifyStreamError, classifyUpstreamError } from './classify-upstream-error.ts';
import type { UpstreamFault } from './classify-upstream-error.ts';

const NOW = Date.parse('2026-11-20T10:00:00Z');

function classify(
  status: number,
  body: string | object,
  headers: Record<string, string> = {},
  contentType = 'application/json',
): UpstreamFault {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyUpstreamError({ status, contentType, body: Buffer.from(text), headers, nowMs: NOW });
}

const openai = (message: string, type: string | null = null, code: string | number | null = null): object => ({
  error: { message, type, param: null, code },
});
const anthropic = (type: string, message: string): object => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_1',
});
const BUDGET = 'Budget has been exceeded! Key=sk-1 Current cost: 10.2, Max budget: 10.0';

test.each([
  [
    'LiteLLM, unknown key',
    401,
    openai(
      'Authentication Error, Invalid proxy server token passed. Received API Key = sk-...x',
      'token_not_found_in_db',
      '401',
    ),
    'auth',
  ],
  ['LiteLLM, expired key', 400, openai('Authentication Error - Expired Key', 'expired_key', '400'), 'auth'],
  ['LiteLLM, budget', 429, openai(BUDGET, 'budget_exceeded', '429'), 'quota'],
  ['LiteLLM, budget as 400', 400, openai(BUDGET, 'budget_exceeded', '400'), 'quota'],
  ['LiteLLM, budget as auth_error', 401, openai(BUDGET, 'auth_error', '401'), 'quota'],
  [
    'LiteLLM, ExceededBudget',
    400,
    openai('ExceededBudget: User=u over budget. Spend: 1, Budget: 1', 'auth_error', '400'),
    'quota',
  ],
  ['LiteLLM, budget as plain text', 400, 'ExceededBudget: Team over budget', 'quota'],
  ['LiteLLM, auth_error', 401, openai('Authentication Error, No api key passed in.', 'auth_error', '401'), 'auth'],
  [
    'LiteLLM, key may not use the model',
    401,
    openai("key not allowed to access model. This key can only access models=['a']", 'key_model_access_denied', '401'),
    'model_denied',
  ],
  [
    'LiteLLM, team may not use the model',
    403,
    openai('Team not allowed', 'team_model_access_denied', '403'),
    'model_denied',
  ],
  [
    'LiteLLM, parallel limit',
    429,
    openai('Crossed TPM / RPM / Max Parallel Request Limit', 'None', '429'),
    'rate_limited',
  ],
  ['new-api, bad token', 401, openai('无效的令牌 (request id: 2026112000)', 'new_api_error', ''), 'auth'],
  ['new-api, banned', 403, openai('用户已被封禁 (request id: 2026112000)', 'new_api_error', ''), 'ban'],
  [
    'new-api, banned in English',
    403,
    openai('User has been banned (request id: 2026112000)', 'new_api_error', ''),
    'ban',
  ],
  [
    'new-api, user quota',
    403,
    openai('user quota is not enough (request id: x)', 'new_api_error', 'insufficient_user_quota'),
    'quota',
  ],
  [
    'new-api, token quota',
    403,
    openai('token quota is not enough', 'new_api_error', 'pre_consume_token_quota_failed'),
    'quota',
  ],
  ['DeepSeek, money', 402, openai('Insufficient Balance', 'unknown_error', 'invalid_request_error'), 'quota'],
  [
    'OpenAI, money',
    429,
    openai('You exceeded your current quota, please check your plan.', 'insufficient_quota', 'insufficient_quota'),
    'quota',
  ],
  [
    'OpenAI, bad key',
    401,
    openai('Incorrect API key provided: sk-ab***yz.', 'invalid_request_error', 'invalid_api_key'),
    'auth',
  ],
  ['OpenAI, rate', 429, openai('Rate limit reached for gpt-x', 'tokens', 'rate_limit_exceeded'), 'rate_limited'],
  ['OpenAI, slow down', 429, openai('Slow down', 'slow_down'), 'rate_limited'],
  ['OpenAI, overload', 503, openai('Overloaded', 'server_error', 'server_is_overloaded'), 'upstream_error'],
  [
    'OpenAI, region',
    403,
    openai('Country, region, or territory not supported', 'request_forbidden', 'unsupported_country_region_territory'),
    'unattributed_403',
  ],
  [
    'Anthropic, money as 400',
    400,
    anthropic('invalid_request_error', 'Your credit balance is too low to access the API.'),
    'quota',
  ],
  ['Anthropic, money as 402', 402, anthropic('billing_error', 'Payment required'), 'quota'],
  ['Anthropic, bad key', 401, anthropic('authentication_error', 'invalid x-api-key'), 'auth'],
  ['Anthropic, permission', 403, anthropic('permission_error', 'Your API key does not have permission'), 'auth'],
  ['Anthropic, rate', 429, anthropic('rate_limit_error', 'This request would exceed your rate limit'), 'rate_limited'],
  ['Anthropic, overload', 529, anthropic('overloaded_error', 'Overloaded'), 'upstream_error'],
  ['Anthropic, 500', 500, anthropic('api_error', 'Internal server error'), 'upstream_error'],
  ['429 with words of a ban', 429, openai('This service is suspended for you', 'requests'), 'ban'],
  ['401 of a disabled account', 401, openai('Your account has been disabled', 'invalid_request_error'), 'ban'],
  [
    'a 403 in HTML',
    403,
    '<!DOCTYPE html><title>Attention Required! | Cloudflare</title>Sorry, you have been blocked',
    'unattributed_403',
  ],
  ['an unknown 403', 403, openai('Your request was blocked.'), 'unattributed_403'],
  ['an empty 403', 403, '', 'unattributed_403'],
  ['a 401 in HTML', 401, '<html>login</html>', 'unattributed_403'],
  ['a 502 in HTML that speaks of a quota', 502, '<html>over budget</html>', 'upstream_error'],
  ['a 500 that quotes a quota in its message', 500, openai('Retry failed: over budget'), 'upstream_error'],
  ['a 500 of a quota type', 500, openai('no', 'budget_exceeded'), 'quota'],
  ['a gateway time-out', 504, 'upstream request timeout', 'upstream_error'],
])('%s', (_, status, body, cause) => {
  expect(classify(status, body).cause).toBe(cause);
});

test.each([
  [
    'prompt too long',
    400,
    anthropic('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
    'context_length',
  ],
  [
    'context length',
    400,
    openai("This model's maximum context length is 8192 tokens", 'invalid_request_error', 'context_length_exceeded'),
    'context_length',
  ],
  [
    'content policy',
    400,
    openai('Rejected by our content management policy', 'invalid_request_error', 'content_filter'),
    'content_policy',
  ],
  [
    'unknown model',
    404,
    openai('The model `x` does not exist', 'invalid_request_error', 'model_not_found'),
    'model_not_found',
  ],
  ['unknown model, Anthropic', 404, anthropic('not_found_error', 'model: claude-y'), 'model_not_found'],
  [
    'LiteLLM, unknown model',
    400,
    openai('Invalid model name passed in model=x', 'invalid_request_error', '400'),
    'model_not_found',
  ],
  ['too large', 413, anthropic('request_too_large', 'Request exceeds the maximum size'), 'too_large'],
  ['a bad value', 422, { detail: [{ loc: ['body'], msg: 'field required' }] }, 'invalid'],
  ['any other 400', 400, openai('temperature must be <= 2', 'invalid_request_error'), 'invalid'],
])('a fault of the request: %s', (_, status, body, fault) => {
  expect(classify(status, body)).toMatchObject({ cause: 'request_fault', fault });
});

test.each([
  [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
  [{ 'retry-after': '2.5' }, 2500],
  [{ 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Fri, 20 Nov 2026 09:00:00 GMT' }, 0],
  [{ 'retry-after': 'soon' }, undefined],
  [{}, undefined],
])('reads how long to wait from %j', (headers, retryAfterMs) => {
  expect(classify(429, openai('slow'), headers).retryAfterMs).toBe(retryAfterMs);
});

const causeOfEvent = (type: string | undefined, message: string, code?: string): string =>
  classifyStreamError({ type, code, param: undefined, message }).cause;

test('error events are classified by what they say, without a status', () => {
  expect(causeOfEvent('overloaded_error', 'Overloaded')).toBe('upstream_error');
  expect(causeOfEvent('rate_limit_error', 'slow')).toBe('rate_limited');
  expect(causeOfEvent('invalid_request_error', 'bad')).toBe('request_fault');
  expect(causeOfEvent('insufficient_quota', 'no money')).toBe('quota');
  expect(causeOfEvent(undefined, 'no', '401')).toBe('auth');
  expect(causeOfEvent('constructor', 'no')).toBe('upstream_error');
});
