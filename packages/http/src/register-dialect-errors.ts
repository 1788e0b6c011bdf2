import type { GatewayErrorKind } from '@omg/llm-wire';
import type { FastifyError, FastifyInstance } from 'fastify';
import { pathOf, sendDialectError, type RefusedEarly } from './send-dialect-error.ts';

export interface DialectErrorOptions {
  /** Told of what is nobody's fault but the gateway's; the client only learns that it failed. */
  readonly onFault: (error: unknown) => void;
  readonly onRefused?: (refused: RefusedEarly) => void;
}

const KIND_OF_CODE: Readonly<Record<string, GatewayErrorKind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'bad_request',
};

/** Every error and every unknown route answers in the dialect that the caller speaks. */
export function registerDialectErrors(app: FastifyInstance, { onFault, onRefused }: DialectErrorOptions): void {
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const kind = KIND_OF_CODE[error.code] ?? (error.statusCode === 400 ? 'bad_request' : 'internal');
    if (kind === 'internal') onFault(error);
    await sendDialectError(request, reply, {
      kind,
      message: kind === 'internal' ? 'the gateway failed' : error.message,
      onRefused,
    });
  });
  app.setNotFoundHandler(async (request, reply) => {
    const { method } = request;
    const path = pathOf(request.url);
    if (app.hasRoute({ method: 'POST', url: path })) {
      const message = `${path} takes POST, not ${method}`;
      await sendDialectError(request, reply.header('allow', 'POST'), {
        kind: 'method_not_allowed',
        message,
        onRefused,
      });
    } else {
      await sendDialectError(request, reply, {
        kind: 'not_found',
        message: `there is nothing at ${method} ${path}`,
        onRefused,
      });
    }
  });
}
