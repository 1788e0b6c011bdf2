import { headerValue } from './header-source.ts';
import type { HeaderSource } from './header-source.ts';

/** How a body can be compressed. */
export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

const CODINGS: Readonly<Record<string, ContentCoding>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
};

/** What a body is compressed with: undefined for nothing, `unknown` for what nobody here can read. */
export function contentCoding(headers: HeaderSource): ContentCoding | 'unknown' | undefined {
  const stated = (headerValue(headers, 'content-encoding') ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const [coding, ...more] = stated;
  if (coding === undefined) return undefined;
  return more.length > 0 ? 'unknown' : (CODINGS[coding] ?? 'unknown');
}

/** Whether a client says that it can read such a body; who says nothing is taken at that. */
export function acceptsCoding(headers: HeaderSource, coding: ContentCoding): boolean {
  const accepted = new Map<string, boolean>();
  for (const part of (headerValue(headers, 'accept-encoding') ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase());
    accepted.set(CODINGS[name] ?? name, !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)));
  }
  return accepted.get(coding) ?? accepted.get('*') ?? false;
}
