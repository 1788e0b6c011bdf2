import type { Dialect } from '../dialect.ts';
import { forEachHeader } from './header-source.ts';
import type { HeaderSource } from './header-source.ts';

/** Whatever is not here stays: credentials, cookies, addresses, tracing, and idempotency keys of another tenant's choice. */
const PASSING = new Set(['content-type', 'accept', 'anthropic-version', 'anthropic-beta', 'openai-beta']);
const OLDEST_ANTHROPIC_VERSION = '2023-06-01';

export interface UpstreamHeaderOptions {
  readonly dialect: Dialect;
  /** The upstream key. */
  readonly key: string;
  /** How the upstream takes the key; by default as the dialect's oldest SDK sends it. */
  readonly credential?: 'bearer' | 'x-api-key';
  /** Sent instead of the client's; without it the client's passes. */
  readonly userAgent?: string;
  /** A site's own additions, stronger than what the client sent and weaker than the credential. */
  readonly add?: Readonly<Record<string, string>>;
}

/** Headers for the upstream, as names and values in turn. Host and length are the HTTP client's own matter. */
export function upstreamRequestHeaders(clientHeaders: HeaderSource, options: UpstreamHeaderOptions): string[] {
  const headers = new Map<string, string>();
  forEachHeader(clientHeaders, (name, value) => {
    if (PASSING.has(name) || (name === 'user-agent' && options.userAgent === undefined)) {
      const earlier = headers.get(name);
      headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
  });
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  if (options.dialect === 'anthropic' && !headers.has('anthropic-version')) {
    headers.set('anthropic-version', OLDEST_ANTHROPIC_VERSION);
  }
  if (options.userAgent !== undefined) headers.set('user-agent', options.userAgent);
  for (const [name, value] of Object.entries(options.add ?? {})) headers.set(name.toLowerCase(), value);
  // A compressed stream would have to be decoded to be counted.
  headers.set('accept-encoding', 'identity');
  headers.delete('authorization');
  headers.delete('x-api-key');
  const credential = options.credential ?? (options.dialect === 'openai' ? 'bearer' : 'x-api-key');
  if (credential === 'bearer') headers.set('authorization', `Bearer ${options.key}`);
  else headers.set('x-api-key', options.key);
  return [...headers].flat();
}
