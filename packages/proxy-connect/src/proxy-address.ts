/** Where a proxy is, and what it is to be told. */
export interface ProxyAddress {
  readonly id: string;
  readonly type: 'http' | 'https' | 'socks5';
  /** A name or an address, an IPv6 one with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

export interface ConnectTarget {
  /** A name, which is resolved at the proxy, or an address, an IPv6 one with or without brackets. */
  readonly host: string;
  readonly port: number;
}
