import type { IncomingHttpHeaders } from 'node:http';

import type { Dialect } from './error-answer.ts';

export type Route =
  | { readonly kind: 'chat'; readonly dialect: Dialect }
  | { readonly kind: 'count-tokens'; readonly dialect: 'anthropic' }
  | { readonly kind: 'models'; readonly dialect: Dialect };

/** By the path's end, so that any prefix works. */
export function routeOf(method: string, path: string, headers: IncomingHttpHeaders): Route | null {
  if (method === 'POST' && path.endsWith('/chat/completions')) return { kind: 'chat', dialect: 'openai' };
  if (method === 'POST' && path.endsWith('/messages')) return { kind: 'chat', dialect: 'anthropic' };
  if (method === 'POST' && path.endsWith('/messages/count_tokens'))
    return { kind: 'count-tokens', dialect: 'anthropic' };
  if (method === 'GET' && path.endsWith('/models')) return { kind: 'models', dialect: dialectOfHeaders(headers) };
  return null;
}

export function dialectOfHeaders(headers: IncomingHttpHeaders): Dialect {
  return headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';
}

export interface PresentedKey {
  readonly key: string | null;
  readonly keyHeader: 'authorization' | 'x-api-key' | null;
}

export function presentedKey(headers: IncomingHttpHeaders): PresentedKey {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return { key: bearer, keyHeader: 'authorization' };
  const apiKey = headers['x-api-key'];
  if (typeof apiKey === 'string' && apiKey !== '') return { key: apiKey, keyHeader: 'x-api-key' };
  return { key: null, keyHeader: null };
}
