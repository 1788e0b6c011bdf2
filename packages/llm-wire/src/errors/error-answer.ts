import type { Dialect } from '../dialect.ts';
import { gatewayErrors } from './gateway-errors.ts';
import type { GatewayErrorKind } from './gateway-errors.ts';

/** Each SDK reads the request id from its own header. */
export const requestIdHeaders: Readonly<Record<Dialect, string>> = { openai: 'x-request-id', anthropic: 'request-id' };

export interface ErrorDetails {
  /** Safe to show, and says what to change. */
  readonly message: string;
  readonly requestId: string;
  /** The request's member at fault (OpenAI dialect only). */
  readonly param?: string;
}

/** An error as one dialect writes it. */
export interface ErrorFields {
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly message: string;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The gateway's own error as a body. */
export function errorBody(dialect: Dialect, kind: GatewayErrorKind, details: ErrorDetails): Buffer {
  return Buffer.from(renderError(dialect, fieldsOf(dialect, kind, details), details.requestId));
}

/** The gateway's own error as a whole answer. Without a wait, kinds that need one say a second. */
export function errorAnswer(
  dialect: Dialect,
  kind: GatewayErrorKind,
  details: ErrorDetails & { readonly retryAfterMs?: number },
): ErrorAnswer {
  const spec = gatewayErrors[dialect][kind];
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    [requestIdHeaders[dialect]]: details.requestId,
  };
  if (spec.shouldRetry !== undefined) headers['x-should-retry'] = String(spec.shouldRetry);
  if (spec.retryAfter === true) {
    headers['retry-after'] = String(Math.max(1, Math.ceil((details.retryAfterMs ?? 1000) / 1000)));
  }
  return { status: spec.status, headers, body: errorBody(dialect, kind, details) };
}

/**
 * The gateway's own error inside a stream that has begun. The stream has to be broken off behind it.
 *
 * @param details.midEvent what went out before is no whole event: closes it first
 */
export function errorEvent(
  dialect: Dialect,
  kind: GatewayErrorKind,
  details: ErrorDetails & { readonly midEvent?: boolean },
): Buffer {
  const data = renderError(dialect, fieldsOf(dialect, kind, details), details.requestId);
  // Anthropic's SDK ignores events without an event line.
  const name = dialect === 'anthropic' ? 'event: error\n' : '';
  return Buffer.from(`${details.midEvent === true ? '\n\n' : ''}${name}data: ${data}\n\n`);
}

export function renderError(dialect: Dialect, fields: ErrorFields, requestId: string): string {
  const { type, code, param, message } = fields;
  return dialect === 'openai'
    ? JSON.stringify({ error: { message, type, param, code } })
    : JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId });
}

function fieldsOf(dialect: Dialect, kind: GatewayErrorKind, details: ErrorDetails): ErrorFields {
  const { type, code } = gatewayErrors[dialect][kind];
  return { type, code, param: details.param ?? null, message: details.message };
}
