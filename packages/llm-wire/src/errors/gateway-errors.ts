import type { Dialect } from '../dialect.ts';

/** Why the gateway itself answers with an error. */
export type GatewayErrorKind =
  | 'invalid_key'
  | 'forbidden'
  | 'rate_limited'
  | 'money_spent'
  | 'no_key_available'
  | 'upstream_failed'
  | 'upstream_timeout'
  | 'money_unknown'
  | 'bad_request'
  | 'model_not_found'
  | 'not_found'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'headers_too_large'
  | 'request_timeout'
  | 'unsupported_encoding'
  | 'draining'
  | 'internal';

/** How a dialect says it. */
export interface GatewayErrorSpec {
  readonly status: number;
  readonly type: string;
  /** OpenAI dialect only. */
  readonly code: string | null;
  /** Overrides what the SDKs would do by the status alone. */
  readonly shouldRetry?: boolean;
  /** The answer carries `retry-after`. */
  readonly retryAfter?: boolean;
}

const openai: Record<GatewayErrorKind, GatewayErrorSpec> = {
  invalid_key: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key', shouldRetry: false },
  forbidden: { status: 403, type: 'invalid_request_error', code: 'permission_denied' },
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', retryAfter: true },
  money_spent: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', shouldRetry: false },
  no_key_available: { status: 503, type: 'server_error', code: 'server_is_overloaded', retryAfter: true },
  upstream_failed: { status: 502, type: 'server_error', code: 'upstream_error' },
  upstream_timeout: { status: 504, type: 'server_error', code: 'upstream_timeout' },
  money_unknown: { status: 503, type: 'server_error', code: 'billing_unavailable', retryAfter: true },
  bad_request: { status: 400, type: 'invalid_request_error', code: null },
  model_not_found: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  not_found: { status: 404, type: 'invalid_request_error', code: 'not_found' },
  method_not_allowed: { status: 405, type: 'invalid_request_error', code: 'method_not_allowed' },
  body_too_large: { status: 413, type: 'invalid_request_error', code: 'request_too_large' },
  headers_too_large: { status: 431, type: 'invalid_request_error', code: 'headers_too_large' },
  request_timeout: { status: 408, type: 'invalid_request_error', code: 'request_timeout' },
  unsupported_encoding: { status: 415, type: 'invalid_request_error', code: 'unsupported_encoding' },
  draining: { status: 503, type: 'server_error', code: 'server_is_overloaded', retryAfter: true },
  internal: { status: 500, type: 'server_error', code: 'internal_error' },
};

const anthropic: Record<GatewayErrorKind, GatewayErrorSpec> = {
  invalid_key: { status: 401, type: 'authentication_error', code: null, shouldRetry: false },
  forbidden: { status: 403, type: 'permission_error', code: null },
  rate_limited: { status: 429, type: 'rate_limit_error', code: null, retryAfter: true },
  money_spent: { status: 402, type: 'billing_error', code: null, shouldRetry: false },
  no_key_available: { status: 529, type: 'overloaded_error', code: null, retryAfter: true },
  upstream_failed: { status: 502, type: 'api_error', code: null },
  upstream_timeout: { status: 504, type: 'timeout_error', code: null },
  money_unknown: { status: 529, type: 'overloaded_error', code: null, retryAfter: true },
  bad_request: { status: 400, type: 'invalid_request_error', code: null },
  model_not_found: { status: 404, type: 'not_found_error', code: null },
  not_found: { status: 404, type: 'not_found_error', code: null },
  method_not_allowed: { status: 405, type: 'invalid_request_error', code: null },
  body_too_large: { status: 413, type: 'request_too_large', code: null },
  headers_too_large: { status: 431, type: 'invalid_request_error', code: null },
  request_timeout: { status: 408, type: 'invalid_request_error', code: null },
  unsupported_encoding: { status: 415, type: 'invalid_request_error', code: null },
  draining: { status: 529, type: 'overloaded_error', code: null, retryAfter: true },
  internal: { status: 500, type: 'api_error', code: null },
};

export const gatewayErrors: Readonly<Record<Dialect, Readonly<Record<GatewayErrorKind, GatewayErrorSpec>>>> = {
  openai,
  anthropic,
};
