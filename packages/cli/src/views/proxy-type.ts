import { keyBrokerV1 } from '@omg/proto-gen';

const { ProxyType } = keyBrokerV1;

const TYPES = { http: ProxyType.HTTP, https: ProxyType.HTTPS, socks5: ProxyType.SOCKS5 } as const;

/** As people write them. */
export const PROXY_TYPES = Object.keys(TYPES);

export function parseProxyType(text: string): keyBrokerV1.ProxyType | undefined {
  return Object.entries(TYPES).find(([name]) => name === text)?.[1];
}

export function proxyTypeName(type: keyBrokerV1.ProxyType): string {
  return Object.entries(TYPES).find(([, known]) => known === type)?.[0] ?? 'unknown';
}
