import { connectThrough, ProxyError, type ConnectTarget } from '@omg/proxy-connect';
import type { CheckProxy } from '../app/upstream-ports.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';

/** What a proxy has to reach to be of use to a provider. */
export function checkTargetOf({ primary }: ProviderSpec): ConnectTarget {
  const { protocol, hostname, port } = new URL(primary.baseUrl);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

export const checkProxy: CheckProxy = async (proxy, target, options) => {
  const startedMs = performance.now();
  const elapsedMs = (): number => Math.round(performance.now() - startedMs);
  try {
    const socket = await connectThrough(proxy, target, options);
    socket.destroy();
    return { ok: true, message: '', latencyMs: elapsedMs() };
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    return { ok: false, fault: error.fault, message: error.message, latencyMs: elapsedMs() };
  }
};
