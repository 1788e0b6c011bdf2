import type { ProxyUse } from '../domain/site.ts';
import type { Lease, LeaseBroker } from './lease-broker.ts';

/** Leases as a site takes them: by the way that they name, never without a proxy, or never through one. */
export function limitProxies(broker: LeaseBroker, use: () => ProxyUse): LeaseBroker {
  /** Those that go directly although they name a proxy. */
  const originals = new WeakMap<Lease, Lease>();
  return {
    acquire: async (wish) => {
      const lease = await broker.acquire(wish);
      if ('reason' in lease) return lease;
      const wanted = use();
      if (wanted === 'required' && lease.proxy === undefined) {
        broker.release(lease, 0);
        return { reason: 'no_proxy', retryAfterMs: undefined };
      }
      if (wanted !== 'none' || lease.proxy === undefined) return lease;
      const direct = withoutProxy(lease);
      originals.set(direct, lease);
      return direct;
    },
    report: (lease, verdict) => {
      const original = originals.get(lease);
      // its proxy had no part in it
      if (original === undefined) broker.report(lease, verdict);
      else broker.report(original, { ...verdict, direct: true });
    },
    release: (lease, tokensUsed) => {
      broker.release(originals.get(lease) ?? lease, tokensUsed);
    },
  };
}

function withoutProxy(lease: Lease): Lease {
  const { provider, keyId, secret, generation, endpointName, urls, http2, isProbe } = lease;
  return {
    provider,
    keyId,
    secret,
    generation,
    proxy: undefined,
    endpointName,
    urls,
    http2,
    isProbe,
    // made when it is asked for
    get cut() {
      return lease.cut;
    },
  };
}
