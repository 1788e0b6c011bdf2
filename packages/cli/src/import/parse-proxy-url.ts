import type { keyAdminV1 } from '@omg/proto-gen';
import { PROXY_TYPES, parseProxyType } from '../views/proxy-type.ts';
import { RowFault } from './row-fault.ts';

const USUAL_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, socks5: 1_080 };

/** `socks5://user:password@host:1080`, user and password percent-encoded; throws a RowFault that quotes none of it. */
export function parseProxyUrl(text: string): keyAdminV1.ProxyFields {
  const url = URL.parse(text);
  const scheme = url?.protocol.slice(0, -1) ?? '';
  const type = parseProxyType(scheme);
  if (url === null || type === undefined || url.hostname === '')
    throw new RowFault(`a URL is expected: ${PROXY_TYPES.join(', ')}, then ://host:port`);
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '')
    throw new RowFault('nothing may follow the port of its URL');
  const [username, password] = [decoded(url.username), decoded(url.password)];
  return {
    type,
    // brackets belong to the URL
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? USUAL_PORTS[scheme] : Number(url.port),
    username: username || undefined,
    password: password || undefined,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RowFault('a % in its user name or password is written %25');
  }
}
