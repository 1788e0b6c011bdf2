import { anthropicError, htmlError, jsonError, openaiError } from './error-answer.ts';
import type { ErrorAnswer, ErrorContext } from './error-answer.ts';

type MakeError = (context: ErrorContext) => ErrorAnswer;

/** OpenAI and Anthropic themselves. */
const VENDORS = {
  'openai-invalid-api-key': ({ key }) =>
    openaiError(401, {
      message: `Incorrect API key provided: ${masked(key)}. You can find your API key at https://platform.openai.com/account/api-keys.`,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
    }),
  'openai-insufficient-quota': () =>
    openaiError(429, {
      message: 'You exceeded your current quota, please check your plan and billing details.',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    }),
  'openai-rate-limit': ({ model }) =>
    openaiError(429, {
      message: `Rate limit reached for ${model} in organization org-fakeupstream0001 on requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms.`,
      type: 'requests',
      code: 'rate_limit_exceeded',
    }),
  'openai-slow-down': () =>
    openaiError(429, {
      message: 'The engine is currently overloaded, please try again later.',
      type: 'slow_down',
      code: 'slow_down',
    }),
  'openai-overloaded': () =>
    openaiError(503, {
      message: 'The server is currently overloaded. Please try again later.',
      type: 'server_error',
      code: 'server_is_overloaded',
    }),
  'openai-model-not-found': ({ model }) =>
    openaiError(404, {
      message: `The model \`${model}\` does not exist or you do not have access to it.`,
      type: 'invalid_request_error',
      code: 'model_not_found',
    }),
  'openai-context-length': () =>
    openaiError(400, {
      message:
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.",
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    }),
  'openai-content-policy': () =>
    openaiError(400, {
      message: 'Your request was rejected as a result of our safety system.',
      type: 'invalid_request_error',
      code: 'content_policy_violation',
    }),
  'openai-account-deactivated': () =>
    openaiError(401, {
      message: 'The OpenAI account associated with this API key has been deactivated.',
      type: 'invalid_request_error',
      code: 'account_deactivated',
    }),
  'openai-unknown-stream-options': () =>
    openaiError(400, {
      message: "Unrecognized request argument supplied: 'stream_options'",
      type: 'invalid_request_error',
      param: 'stream_options',
      code: 'unknown_parameter',
    }),
  'anthropic-credit-balance': ({ requestId }) =>
    anthropicError(
      400,
      'invalid_request_error',
      'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
      requestId,
    ),
  'anthropic-billing': ({ requestId }) =>
    anthropicError(402, 'billing_error', 'There is an issue with your billing or payment information.', requestId),
  'anthropic-authentication': ({ requestId }) =>
    anthropicError(401, 'authentication_error', 'invalid x-api-key', requestId),
  'anthropic-permission': ({ requestId }) =>
    anthropicError(403, 'permission_error', 'This organization has been disabled.', requestId),
  'anthropic-not-found': ({ model, requestId }) => anthropicError(404, 'not_found_error', `model: ${model}`, requestId),
  'anthropic-too-large': ({ requestId }) =>
    anthropicError(413, 'request_too_large', 'Request exceeds the maximum size', requestId),
  'anthropic-prompt-too-long': ({ requestId }) =>
    anthropicError(400, 'invalid_request_error', 'prompt is too long: 200001 tokens > 200000 maximum', requestId),
  'anthropic-rate-limit': ({ requestId }) =>
    anthropicError(
      429,
      'rate_limit_error',
      'This request would exceed your organization’s rate limit of 50 requests per minute.',
      requestId,
    ),
  'anthropic-api-error': ({ requestId }) => anthropicError(500, 'api_error', 'Internal server error', requestId),
  'anthropic-timeout': ({ requestId }) => anthropicError(504, 'timeout_error', 'The request timed out.', requestId),
  'anthropic-overloaded': ({ requestId }) => anthropicError(529, 'overloaded_error', 'Overloaded', requestId),
} satisfies Record<string, MakeError>;

/** Proxies built on LiteLLM; their `code` is the status as a string. */
const LITELLM = {
  'litellm-token-not-found': ({ key }) =>
    openaiError(401, {
      message: `Authentication Error, Invalid proxy server token passed. Received API Key = ${masked(key)}, Key Hash (Token) =3f2a9c. Unable to find token in cache or \`LiteLLM_VerificationTokenTable\``,
      type: 'token_not_found_in_db',
      param: 'key',
      code: '401',
    }),
  'litellm-expired-key': ({ key }) =>
    openaiError(400, {
      message:
        'Authentication Error - Expired Key. Key Expiry time 2026-10-04 03:47:58+00:00 and current time 2026-10-04 03:48:00+00:00',
      type: 'expired_key',
      param: masked(key),
      code: '400',
    }),
  'litellm-budget-exceeded-429': ({ key }) => litellmBudget(429, 'budget_exceeded', key),
  'litellm-budget-exceeded-400': ({ key }) => litellmBudget(400, 'budget_exceeded', key),
  'litellm-budget-exceeded-auth-error': ({ key }) => litellmBudget(400, 'auth_error', key),
  'litellm-exceeded-budget': () =>
    openaiError(400, {
      message: 'ExceededBudget: User=user_1 over budget. Spend=20.5, Budget=20.0',
      type: 'auth_error',
      param: 'None',
      code: '400',
    }),
  'litellm-key-model-access-denied': ({ model }) => litellmModelDenied('key', model),
  'litellm-team-model-access-denied': ({ model }) => litellmModelDenied('team', model),
  'litellm-user-model-access-denied': ({ model }) => litellmModelDenied('user', model),
  'litellm-crossed-limit': () =>
    openaiError(429, {
      message:
        'LiteLLM Rate Limit Handler for rate limit type = key. Crossed TPM / RPM / Max Parallel Request Limit. current rpm: 1, rpm limit: 1, current tpm: 348, tpm limit: 1000, current max_parallel_requests: 0, max_parallel_requests: 5',
      type: 'None',
      param: 'None',
      code: '429',
    }),
  'litellm-no-deployments': () =>
    openaiError(429, {
      message: 'No deployments available for selected model, Try again in 60 seconds.',
      type: 'None',
      param: 'None',
      code: '429',
    }),
} satisfies Record<string, MakeError>;

/** Relays built on new-api or one-api, and others that OpenAI-shaped clients meet. */
const RELAYS = {
  'newapi-bad-token': ({ requestId }) => newApiError(401, '', '无效的令牌', requestId),
  'newapi-banned': ({ requestId }) => newApiError(403, '', '用户已被封禁', requestId),
  'newapi-insufficient-user-quota': ({ requestId }) =>
    newApiError(403, 'insufficient_user_quota', '用户额度不足, 剩余额度: ＄0.000000', requestId),
  'newapi-pre-consume-token-quota-failed': ({ requestId }) =>
    newApiError(
      403,
      'pre_consume_token_quota_failed',
      'token quota is not enough, token remain quota: ＄0.080000, need quota: ＄0.100000',
      requestId,
    ),
  'deepseek-insufficient-balance': () =>
    openaiError(402, { message: 'Insufficient Balance', type: 'unknown_error', code: 'invalid_request_error' }),
  'json-403': () => jsonError(403, { message: 'Forbidden' }),
  'html-403': () => htmlError(403, '403 Forbidden', 'Sorry, you have been blocked.'),
  'html-429': () => htmlError(429, '429 Too Many Requests', 'Your address sent too many requests.'),
  'html-502': () => htmlError(502, '502 Bad Gateway', 'The web server reported a bad gateway error.'),
  'html-503': () => htmlError(503, '503 Service Temporarily Unavailable', 'Try again in a minute.'),
  'html-504': () => htmlError(504, '504 Gateway Time-out', 'The web server did not answer in time.'),
  'html-520': () => htmlError(520, '520 Web server is returning an unknown error', 'Unknown error.'),
  'text-500': () => ({ status: 500, contentType: 'text/plain', body: 'Internal Server Error', headers: {} }),
  'empty-502': () => ({ status: 502, contentType: 'text/plain', body: '', headers: {} }),
} satisfies Record<string, MakeError>;

const NAMED_ERRORS = { ...VENDORS, ...LITELLM, ...RELAYS };

export type ErrorName = keyof typeof NAMED_ERRORS;

function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(NAMED_ERRORS, name);
}

export const ERROR_NAMES: readonly ErrorName[] = Object.keys(NAMED_ERRORS).filter(isErrorName);

export function namedError(name: ErrorName, context: ErrorContext): ErrorAnswer {
  return NAMED_ERRORS[name](context);
}

function masked(key: string): string {
  return `${key.slice(0, 7)}...${key.slice(-4)}`;
}

function litellmBudget(status: number, type: string, key: string): ErrorAnswer {
  return openaiError(status, {
    message: `Budget has been exceeded! Key=${masked(key)} Current cost: 20.0711, Max budget: 20.0`,
    type,
    code: String(status),
  });
}

function litellmModelDenied(owner: string, model: string): ErrorAnswer {
  return openaiError(401, {
    message: `${owner} not allowed to access model. This ${owner} can only access models=['other-model']. Tried to access ${model}`,
    type: `${owner}_model_access_denied`,
    param: 'model',
    code: '401',
  });
}

function newApiError(status: number, code: string, message: string, requestId: string): ErrorAnswer {
  return jsonError(status, {
    error: { message: `${message} (request id: ${requestId})`, type: 'new_api_error', param: '', code },
  });
}
