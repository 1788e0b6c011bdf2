import { OmgError } from '@omg/errors';
import { keyBrokerV1 } from '@omg/proto-gen';
import type { ProxyType } from '../app/pool-store.ts';

const TO: Record<ProxyType, keyBrokerV1.ProxyType> = {
  http: keyBrokerV1.ProxyType.HTTP,
  https: keyBrokerV1.ProxyType.HTTPS,
  socks5: keyBrokerV1.ProxyType.SOCKS5,
};

const FROM: Record<Exclude<keyBrokerV1.ProxyType, 'UNRECOGNIZED'>, ProxyType | undefined> = {
  PROXY_TYPE_UNSPECIFIED: undefined,
  PROXY_TYPE_HTTP: 'http',
  PROXY_TYPE_HTTPS: 'https',
  PROXY_TYPE_SOCKS5: 'socks5',
};

export function toProxyType(type: ProxyType): keyBrokerV1.ProxyType {
  return TO[type];
}

export function fromProxyType(type: keyBrokerV1.ProxyType = keyBrokerV1.ProxyType.UNSPECIFIED): ProxyType | undefined {
  if (type !== keyBrokerV1.ProxyType.UNRECOGNIZED) return FROM[type];
  throw new OmgError('invalid_argument', 'there is a type of proxy that this broker does not know');
}
