import { dialectOf } from '@omg/http';
import { requestIdHeaders } from '@omg/llm-wire';
import type { FastifyInstance } from 'fastify';
import { GatewayFailure } from '../app/gateway-failure.ts';
import { MAX_OWN_REQUESTS, USUAL_OWN_REQUESTS, type OwnAccount, type OwnAccountRequest } from '../app/own-account.ts';
import type { RequestTrail } from '../app/prepare-request.ts';
import type { Refusal } from '../app/refusal-counts.ts';
import { failureAnswer } from './failure-answer.ts';
import { ownAccountAnswer } from './own-account-answer.ts';

export interface AccountRouteDeps {
  readonly ownAccount: (request: OwnAccountRequest) => Promise<OwnAccount>;
  readonly site: () => { readonly name: string };
  readonly onFault: (error: unknown) => void;
  /** Told of each request that was answered with an error and was not forwarded. */
  readonly onRefused: (refusal: Refusal) => void;
}

interface Query {
  readonly limit?: unknown;
}

/** Where a client key asks for its own balance, limits, budgets and last requests. */
export function registerAccountRoute(app: FastifyInstance, path: string, deps: AccountRouteDeps): void {
  app.get<{ Querystring: Query }>(path, async (request, reply) => {
    const dialect = dialectOf(request);
    const { id: requestId, headers, query } = request;
    const trail: RequestTrail = {};
    try {
      const account = await deps.ownAccount({ headers, address: request.ip, trail, limit: parseLimit(query.limit) });
      await reply
        .headers({ [requestIdHeaders[dialect]]: requestId, 'cache-control': 'no-store' })
        .send(ownAccountAnswer(account, deps.site().name));
    } catch (error) {
      if (!(error instanceof GatewayFailure)) deps.onFault(error);
      const answer = failureAnswer(error, { dialect, requestId });
      deps.onRefused({ account: trail.account, dialect, kind: answer.kind, status: answer.status });
      await reply.code(answer.status).headers(answer.headers).send(answer.body);
    }
  });
}

function parseLimit(text: unknown): number {
  if (text === undefined) return USUAL_OWN_REQUESTS;
  const limit = typeof text === 'string' && /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  if (limit <= MAX_OWN_REQUESTS) return limit;
  throw new GatewayFailure('bad_request', `limit must be a whole number from 0 to ${MAX_OWN_REQUESTS}`);
}
