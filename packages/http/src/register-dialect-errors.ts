import { errorAnswer, type Dialect, type GatewayErrorKind } from '@omg/llm-wire';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface DialectErrorOptions {
  /** Told of what is nobody's fault but the gateway's; the client only learns that it failed. */
  readonly onFault: (error: unknown) => void;
}

const KIND_OF_CODE: Readonly<Record<string, GatewayErrorKind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
};

/** Every error and every unknown route answers in the dialect that the caller speaks. */
export function registerDialectErrors(app: FastifyInstance, { onFault }: DialectErrorOptions): void {
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const kind = KIND_OF_CODE[error.code] ?? (error.statusCode === 400 ? 'bad_request' : 'internal');
    if (kind === 'internal') onFault(error);
    await send(request, reply, kind, kind === 'internal' ? 'the gateway failed' : error.message);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request.url);
    const known = app.hasRoute({ method: 'POST', url: path });
    if (known)
      await send(
        request,
        reply.header('allow', 'POST'),
        'method_not_allowed',
        `${path} takes POST, not ${request.method}`,
      );
    else await send(request, reply, 'not_found', `there is nothing at ${request.method} ${path}`);
  });
}

/** The dialect of a route, or what the caller's headers look like. */
export function dialectOf(request: FastifyRequest): Dialect {
  const path = pathOf(request.url);
  if (/\/messages(\/|$)/.test(path)) return 'anthropic';
  if (path.endsWith('/chat/completions')) return 'openai';
  return request.headers['anthropic-version'] === undefined && request.headers['x-api-key'] === undefined
    ? 'openai'
    : 'anthropic';
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  kind: GatewayErrorKind,
  message: string,
): Promise<void> {
  const dialect = dialectOf(request);
  const answer = errorAnswer(dialect, kind, { message, requestId: request.id });
  await reply.code(answer.status).headers(answer.headers).send(answer.body);
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
