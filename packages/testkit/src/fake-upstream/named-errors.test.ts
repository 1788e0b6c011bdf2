import { describe, expect, test } from 'vitest';

import { ERROR_NAMES, namedError } from './named-errors.ts';

const CONTEXT = { dialect: 'openai', key: 'sk-canary-0123456789-tail', model: 'm-1', requestId: 'req_1' } as const;

describe('named errors', () => {
  test.for([
    [
      'litellm-token-not-found',
      401,
      'token_not_found_in_db',
      'Authentication Error, Invalid proxy server token passed',
    ],
    ['litellm-budget-exceeded-429', 429, 'budget_exceeded', 'Budget has been exceeded! Key='],
    ['litellm-budget-exceeded-400', 400, 'budget_exceeded', 'Max budget: '],
    ['litellm-budget-exceeded-auth-error', 400, 'auth_error', 'Budget has been exceeded!'],
    ['litellm-exceeded-budget', 400, 'auth_error', 'ExceededBudget: '],
    ['litellm-expired-key', 400, 'expired_key', 'Expired Key'],
    ['litellm-key-model-access-denied', 401, 'key_model_access_denied', 'm-1'],
    ['litellm-team-model-access-denied', 401, 'team_model_access_denied', 'm-1'],
    ['litellm-crossed-limit', 429, 'None', 'Crossed TPM / RPM / Max Parallel Request Limit'],
    ['newapi-bad-token', 401, 'new_api_error', '(request id: req_1)'],
    ['newapi-banned', 403, 'new_api_error', '封禁'],
    ['newapi-insufficient-user-quota', 403, 'insufficient_user_quota', '额度不足'],
    ['newapi-pre-consume-token-quota-failed', 403, 'pre_consume_token_quota_failed', 'quota is not enough'],
    ['deepseek-insufficient-balance', 402, 'Insufficient Balance', 'Insufficient Balance'],
    ['anthropic-credit-balance', 400, 'invalid_request_error', 'credit balance is too low'],
    ['anthropic-overloaded', 529, 'overloaded_error', 'Overloaded'],
    ['openai-insufficient-quota', 429, 'insufficient_quota', 'exceeded your current quota'],
    ['openai-model-not-found', 404, 'model_not_found', 'm-1'],
    ['html-403', 403, '<html>', 'blocked'],
  ] as const)('%s is %i with %s', ([name, status, code, text]) => {
    const error = namedError(name, CONTEXT);
    expect(error.status).toBe(status);
    expect(error.body).toContain(code);
    expect(error.body).toContain(text);
  });

  test.for(ERROR_NAMES)('%s is JSON where it says so, and holds no whole key', (name) => {
    const error = namedError(name, CONTEXT);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.body).not.toContain(CONTEXT.key);
    if (error.contentType === 'application/json') expect(JSON.parse(error.body)).toBeTypeOf('object');
  });

  test('the code of a LiteLLM error is its status as a string', () => {
    for (const name of ERROR_NAMES.filter((candidate) => candidate.startsWith('litellm-'))) {
      const error = namedError(name, CONTEXT);
      expect(error.body).toContain(`"code":"${error.status}"`);
    }
  });
});
