import type { Dialect } from '../dialect.ts';
import type { UpstreamFault } from './classify-upstream-error.ts';
import { errorAnswer, renderError, requestIdHeaders } from './error-answer.ts';
import type { ErrorAnswer } from './error-answer.ts';
import type { UpstreamCause } from './error-words.ts';
import type { GatewayErrorKind } from './gateway-errors.ts';
import { redact } from './redact.ts';
import type { Hidden } from './redact.ts';

const MAX_MESSAGE_LENGTH = 16 * 1024;

/** What the client is told when nothing better than this fault was found. */
export const gatewayKindOfCause: Readonly<Record<Exclude<UpstreamCause, 'request_fault'>, GatewayErrorKind>> = {
  auth: 'no_key_available',
  quota: 'no_key_available',
  ban: 'no_key_available',
  model_denied: 'no_key_available',
  rate_limited: 'no_key_available',
  upstream_error: 'upstream_failed',
  unattributed_403: 'upstream_failed',
};

const ownMessages: Readonly<Record<Exclude<UpstreamCause, 'request_fault'>, string>> = {
  auth: 'No upstream capacity is available at the moment.',
  quota: 'No upstream capacity is available at the moment.',
  ban: 'No upstream capacity is available at the moment.',
  model_denied: 'No upstream capacity is available for this model at the moment.',
  rate_limited: 'The upstream is rate limited at the moment.',
  upstream_error: 'The upstream failed.',
  unattributed_403: 'The upstream refused the connection.',
};

/** Those of Anthropic's error types that a request can have caused. */
const ANTHROPIC_TYPES = new Set(['invalid_request_error', 'not_found_error', 'request_too_large']);
const ANTHROPIC_TYPE_OF_STATUS: Readonly<Record<number, string>> = { 404: 'not_found_error', 413: 'request_too_large' };

export interface SanitiseOptions {
  readonly dialect: Dialect;
  readonly requestId: string;
  readonly hidden: Hidden;
}

/**
 * The client's answer to an upstream's error: faults of the request itself keep their status, type, code and message,
 * without whatever tells of keys, proxies and providers; all others are replaced by the gateway's own text.
 */
export function sanitiseUpstreamError(fault: UpstreamFault, options: SanitiseOptions): ErrorAnswer {
  const { dialect, requestId, hidden } = options;
  if (fault.cause !== 'request_fault') {
    const kind = gatewayKindOfCause[fault.cause];
    const message = ownMessages[fault.cause];
    const { retryAfterMs } = fault;
    return errorAnswer(dialect, kind, { message, requestId, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }
  const { error } = fault;
  const status = fault.status === 0 ? 400 : fault.status;
  const fields = {
    type: typeFor(dialect, status, word(error.type, hidden)),
    code: word(error.code, hidden) ?? null,
    param: word(error.param, hidden) ?? null,
    message: redact((error.message ?? '').slice(0, MAX_MESSAGE_LENGTH), hidden) || 'The upstream refused the request.',
  };
  return {
    status,
    headers: { 'content-type': 'application/json', [requestIdHeaders[dialect]]: requestId },
    body: Buffer.from(renderError(dialect, fields, requestId)),
  };
}

function typeFor(dialect: Dialect, status: number, type: string | undefined): string {
  if (dialect === 'openai') return type ?? 'invalid_request_error';
  if (type !== undefined && ANTHROPIC_TYPES.has(type)) return type;
  return ANTHROPIC_TYPE_OF_STATUS[status] ?? 'invalid_request_error';
}

/** A type or code; one that tells too much is left out. */
function word(text: string | undefined, hidden: Hidden): string | undefined {
  return text === undefined || redact(text, hidden) !== text ? undefined : text;
}
