import type { Outgoing } from './connect-target.ts';
import type { ProxyControl } from './proxy-state.ts';
import type { Credentials } from './socks5.ts';

/** What both fronts of the proxy, HTTP and SOCKS5, work with. */
export interface ProxyParts extends Outgoing {
  readonly control: ProxyControl;
  /** Without any, everybody may use the proxy. */
  readonly users: readonly Credentials[];
}
