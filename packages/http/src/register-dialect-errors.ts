import type { GatewayErrorKind } from '@omg/llm-wire';
import type { FastifyError, FastifyInstance } from 'fastify';
import { Refusal, type DialectError } from './refusal.ts';
import { pathOf, sendDialectError, type RefusedEarly } from './send-dialect-error.ts';

export interface DialectErrorOptions {
  /** Told of what is nobody's fault but the gateway's; the client only learns that it failed. */
  readonly onFault: (error: unknown) => void;
  /** What an error of the caller's own kind says to the client; undefined: nothing. */
  readonly refusalOf?: (error: unknown) => DialectError | undefined;
  readonly onRefused?: (refused: RefusedEarly) => void;
}

const KIND_OF_CODE: Readonly<Record<string, GatewayErrorKind>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'bad_request',
};

/** No client has more; Node itself would drop what is beyond its own bound without a word. */
const MAX_HEADERS = 100;

/**
 * Every error and every unknown route answers in the dialect that the caller speaks. To be called before the routes are
 * there.
 */
export function registerDialectErrors(app: FastifyInstance, options: DialectErrorOptions): void {
  const allowedMethods = watchRoutes(app);
  refuseEarly(app);
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const refusal = error instanceof Refusal ? error : (options.refusalOf?.(error) ?? refusalOfServer(error));
    if (refusal === undefined) options.onFault(error);
    const { onRefused } = options;
    await sendDialectError(request, reply, refusal ?? { kind: 'internal', message: 'the gateway failed' }, onRefused);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const { method } = request;
    const path = pathOf(request.url);
    const allow = allowedMethods(path).join(', ');
    await sendDialectError(
      request,
      reply,
      allow === ''
        ? { kind: 'not_found', message: `there is nothing at ${method} ${path}` }
        : { kind: 'method_not_allowed', message: `${path} takes ${allow}, not ${method}`, headers: { allow } },
      options.onRefused,
    );
  });
}

function refusalOfServer({ code, statusCode, message }: FastifyError): DialectError | undefined {
  const kind = KIND_OF_CODE[code] ?? (statusCode === 400 ? 'bad_request' : undefined);
  return kind === undefined ? undefined : { kind, message };
}

/** Which methods a path has, by the routes that are registered from now on. */
function watchRoutes(app: FastifyInstance): (path: string) => readonly string[] {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  return (path) => [...new Set(routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))];
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : RegExp.escape(part);
  });
  return new RegExp(`^${parts.join('/')}$`);
}

/** What is refused wherever it goes, before its body is read. */
function refuseEarly(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (closing) done(new Refusal({ kind: 'draining', message: 'this gateway is about to stop, please try again' }));
    else if (request.raw.rawHeaders.length > 2 * MAX_HEADERS)
      done(new Refusal({ kind: 'headers_too_large', message: `there are more than ${MAX_HEADERS} headers` }));
    else done();
  });
}
