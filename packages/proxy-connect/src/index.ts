export { connectThrough, type ConnectOptions } from './connect-through.ts';
export type { ConnectTarget, ProxyAddress } from './proxy-address.ts';
export { ProxyError, type ProxyFault } from './proxy-error.ts';
