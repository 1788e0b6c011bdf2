import { errorAnswer, type Dialect } from '@omg/llm-wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DialectError } from './refusal.ts';

export async function sendDialectError(
  request: FastifyRequest,
  reply: FastifyReply,
  { kind, message, retryAfterMs, headers = {} }: DialectError,
): Promise<void> {
  const answer = errorAnswer(dialectOf(request), kind, {
    message,
    requestId: request.id,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
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
