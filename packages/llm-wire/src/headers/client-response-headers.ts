import { forEachHeader, headerValue } from './header-source.ts';
import type { HeaderSource } from './header-source.ts';

/** Whatever is not here stays: limits, organisation, cookies, and the upstream's and its servers' names. */
const PASSING = new Set(['content-type', 'cache-control']);

/**
 * Headers for the client, as names and values in turn. The gateway's own (request id, limits, length) are added by
 * the caller.
 *
 * @param options.encoded the body is relayed as the upstream compressed it
 */
export function clientResponseHeaders(
  upstreamHeaders: HeaderSource,
  options: { readonly encoded?: boolean } = {},
): string[] {
  const headers: string[] = [];
  forEachHeader(upstreamHeaders, (name, value) => {
    if (PASSING.has(name) || (name === 'content-encoding' && options.encoded === true)) headers.push(name, value);
  });
  return headers;
}

/** What the upstream calls the request, to join its books with ours; never for the client. */
export function providerRequestId(upstreamHeaders: HeaderSource): string | undefined {
  return headerValue(upstreamHeaders, 'request-id') ?? headerValue(upstreamHeaders, 'x-request-id');
}
