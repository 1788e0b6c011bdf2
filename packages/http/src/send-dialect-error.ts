import { errorAnswer, type Dialect, type GatewayErrorKind } from '@omg/llm-wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DialectError } from './refusal.ts';

/** A request that was answered with an error of the gateway's own before it reached its route. */
export interface RefusedEarly {
  readonly dialect: Dialect;
  readonly kind: GatewayErrorKind;
  readonly status: number;
}

export async function sendDialectError(
  request: FastifyRequest,
  reply: FastifyReply,
  { kind, message, retryAfterMs, headers = {} }: DialectError,
  onRefused?: (refused: RefusedEarly) => void,
): Promise<void> {
  const dialect = dialectOf(request);
  const answer = errorAnswer(dialect, kind, {
    message,
    requestId: request.id,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
  onRefused?.({ dialect, kind, status: answer.status });
  await reply
    .code(answer.status)
    .headers({ ...answer.headers, ...headers })
    .send(answer.body);
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

export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
