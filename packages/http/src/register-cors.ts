import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface CorsOptions {
  /** Origins whose pages may call, `*` for any; asked for each request. */
  readonly origins: () => readonly string[];
  /** Headers of answers that pages may read. */
  readonly exposed: readonly string[];
}

const METHODS = 'GET, HEAD, POST';
/** Browsers keep the answer no longer than two hours. */
const MAX_AGE_S = '7200';

/**
 * Lets pages of some origins call, without credentials of the browser's own. A preflight is answered before anybody asks
 * for a key, which browsers do not send with it. To be called before anything that refuses, so that pages can read why.
 */
export function registerCors(app: FastifyInstance, { origins, exposed }: CorsOptions): void {
  const exposedNames = exposed.join(', ');
  app.addHook('onRequest', (request, reply, done) => {
    const allowed = origins();
    if (allowed.length === 0) {
      done();
      return;
    }
    // on the raw answer, which those who take it over from the framework also end
    reply.raw.setHeader('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !(allowed.includes(origin) || allowed.includes('*'))) {
      done();
      return;
    }
    reply.raw.setHeader('access-control-allow-origin', allowed.includes('*') ? '*' : origin);
    reply.raw.setHeader('access-control-expose-headers', exposedNames);
    if (isPreflight(request)) answerPreflight(request, reply);
    else done();
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(request: FastifyRequest, reply: FastifyReply): void {
  const wanted = request.headers['access-control-request-headers'];
  void reply
    .code(204)
    .headers({
      'x-request-id': request.id,
      'access-control-allow-methods': METHODS,
      // what is let upstream is decided elsewhere; SDKs have headers of their own by the dozen
      ...(wanted === undefined ? {} : { 'access-control-allow-headers': wanted }),
      'access-control-max-age': MAX_AGE_S,
    })
    .send();
}
