export type Dialect = 'openai' | 'anthropic';

/** What an error body may quote. */
export interface ErrorContext {
  readonly dialect: Dialect;
  readonly key: string;
  readonly model: string;
  readonly requestId: string;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function jsonError(status: number, body: unknown, headers: Record<string, string> = {}): ErrorAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(body), headers };
}

export function htmlError(status: number, title: string, text: string): ErrorAnswer {
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<p>${text}</p>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`;
  return { status, contentType: 'text/html; charset=UTF-8', body, headers: {} };
}

export interface OpenaiErrorFields {
  readonly message: string;
  readonly type: string;
  readonly param?: string | null;
  readonly code?: string | null;
}

export function openaiError(status: number, fields: OpenaiErrorFields): ErrorAnswer {
  const { message, type, param = null, code = null } = fields;
  return jsonError(status, { error: { message, type, param, code } });
}

export function anthropicError(status: number, type: string, message: string, requestId: string): ErrorAnswer {
  return jsonError(status, { type: 'error', error: { type, message }, request_id: requestId });
}

const OPENAI_BY_STATUS: Readonly<Record<number, OpenaiErrorFields>> = {
  400: { message: 'Invalid request.', type: 'invalid_request_error' },
  401: { message: 'Incorrect API key provided.', type: 'invalid_request_error', code: 'invalid_api_key' },
  402: { message: 'Payment required.', type: 'billing_error', code: 'payment_required' },
  403: { message: 'You are not allowed to do this.', type: 'permission_error', code: 'permission_denied' },
  404: { message: 'The model does not exist.', type: 'invalid_request_error', param: 'model', code: 'model_not_found' },
  429: {
    message: 'Rate limit reached for requests per min (RPM).',
    type: 'requests',
    code: 'rate_limit_exceeded',
  },
};

const ANTHROPIC_BY_STATUS: Readonly<Record<number, readonly [type: string, message: string]>> = {
  400: ['invalid_request_error', 'Invalid request.'],
  401: ['authentication_error', 'invalid x-api-key'],
  402: ['billing_error', 'Payment required.'],
  403: ['permission_error', 'Your API key does not have permission to use the specified resource.'],
  404: ['not_found_error', 'Not found.'],
  413: ['request_too_large', 'Request exceeds the maximum size'],
  429: ['rate_limit_error', 'This request would exceed your rate limit.'],
  504: ['timeout_error', 'The request timed out.'],
  529: ['overloaded_error', 'Overloaded'],
};

/** What the vendor of that dialect answers with that status. */
export function vendorError(status: number, context: ErrorContext, message?: string): ErrorAnswer {
  if (context.dialect === 'anthropic') {
    const [type, text] =
      ANTHROPIC_BY_STATUS[status] ??
      (status < 500 ? ['invalid_request_error', 'Invalid request.'] : ['api_error', 'Internal server error']);
    return anthropicError(status, type, message ?? text, context.requestId);
  }
  const fields =
    OPENAI_BY_STATUS[status] ??
    (status < 500
      ? { message: 'Invalid request.', type: 'invalid_request_error' }
      : { message: 'The server had an error while processing your request.', type: 'server_error' });
  return openaiError(status, message === undefined ? fields : { ...fields, message });
}
