import { randomUUID } from 'node:crypto';

import type { Dialect } from './error-answer.ts';
import { randomBase62, randomHex } from './ids.ts';

export type HeaderList = ReadonlyArray<readonly [name: string, value: string]>;

export function makeRequestId(dialect: Dialect): string {
  return dialect === 'openai' ? `req_${randomHex(32)}` : `req_011C${randomBase62(20)}`;
}

const EDGE: HeaderList = [
  ['server', 'cloudflare'],
  ['via', '1.1 google'],
  ['cf-cache-status', 'DYNAMIC'],
  ['strict-transport-security', 'max-age=31536000; includeSubDomains; preload'],
  ['x-content-type-options', 'nosniff'],
  ['alt-svc', 'h3=":443"; ma=86400'],
];

/** What a real vendor's edge adds to every answer: much of it must not reach a gateway's client. */
export function vendorHeaders(dialect: Dialect, requestId: string): HeaderList {
  const common: HeaderList = [
    ...EDGE,
    ['cf-ray', `${randomHex(16)}-FRA`],
    ['set-cookie', `__cf_bm=${randomBase62(43)}; path=/; HttpOnly; Secure; SameSite=None`],
    ['set-cookie', `_cfuvid=${randomBase62(43)}; path=/; HttpOnly; Secure; SameSite=None`],
    ['x-litellm-key-spend', '12.345'],
    ['x-litellm-model-api-base', 'https://upstream.internal.example/v1'],
  ];
  return [...common, ...(dialect === 'openai' ? openaiHeaders(requestId) : anthropicHeaders(requestId))];
}

function openaiHeaders(requestId: string): HeaderList {
  return [
    ['x-request-id', requestId],
    ['openai-organization', 'org-fakeupstream0001'],
    ['openai-project', 'proj_fakeupstream0001'],
    ['openai-version', '2020-10-01'],
    ['openai-processing-ms', String(20 + Math.floor(Math.random() * 400))],
    ['x-ratelimit-limit-requests', '10000'],
    ['x-ratelimit-limit-tokens', '2000000'],
    ['x-ratelimit-remaining-requests', '9999'],
    ['x-ratelimit-remaining-tokens', '1999975'],
    ['x-ratelimit-reset-requests', '8.64s'],
    ['x-ratelimit-reset-tokens', '132ms'],
  ];
}

function anthropicHeaders(requestId: string): HeaderList {
  const reset = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const limits = ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((unit): HeaderList => [
    [`anthropic-ratelimit-${unit}-limit`, unit === 'requests' ? '4000' : '400000'],
    [`anthropic-ratelimit-${unit}-remaining`, unit === 'requests' ? '3999' : '399000'],
    [`anthropic-ratelimit-${unit}-reset`, reset],
  ]);
  return [['request-id', requestId], ['anthropic-organization-id', randomUUID()], ...limits];
}
