import type { ProxyAddress } from '@omg/proxy-connect';
import type { Lease, LeaseBroker, LeaseRefusal, LeaseVerdict, LeaseWish } from '../src/app/lease-broker.ts';

export interface ScriptedKey {
  readonly keyId: string;
  readonly endpointName: string;
  readonly proxy?: ProxyAddress;
}

interface Granted {
  readonly lease: Lease;
  readonly cut: AbortController;
  readonly verdicts: LeaseVerdict[];
  readonly released: number[];
}

/** A broker that grants the first of its keys which the wish does not leave out, and writes down all it is told. */
export class ScriptedBroker implements LeaseBroker {
  readonly wishes: LeaseWish[] = [];
  readonly granted: Granted[] = [];
  keys: ScriptedKey[] = [];
  refusal: LeaseRefusal = { reason: 'none_available', retryAfterMs: undefined };
  /** What the broker makes of a verdict. */
  onReport: (lease: Lease, verdict: LeaseVerdict) => void = () => undefined;
  /** What a wish waits for. */
  wait: (wish: LeaseWish) => Promise<void> = async () => {
    await Promise.resolve();
  };
  readonly #baseUrl: string;

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  async acquire(wish: LeaseWish): Promise<Lease | LeaseRefusal> {
    this.wishes.push(wish);
    await this.wait(wish);
    const key = this.keys.find(({ keyId }) => !wish.exclude.includes(keyId));
    if (key === undefined) return this.refusal;
    const { keyId, endpointName } = key;
    const cut = new AbortController();
    const base = `${this.#baseUrl}/${endpointName}`;
    const lease: Lease = {
      provider: 'fake',
      keyId,
      secret: `secret-of-${keyId}`,
      generation: 7n,
      proxy: key.proxy,
      endpointName,
      urls: { openai: `${base}/v1/chat/completions`, anthropic: `${base}/v1/messages` },
      http2: false,
      isProbe: false,
      cut: cut.signal,
    };
    this.granted.push({ lease, cut, verdicts: [], released: [] });
    return lease;
  }

  report(lease: Lease, verdict: LeaseVerdict): void {
    const { verdicts } = this.#grantOf(lease);
    verdicts.push(verdict);
    if (verdicts.length === 1) this.onReport(lease, verdict);
  }

  release(lease: Lease, tokensUsed: number): void {
    this.#grantOf(lease).released.push(tokensUsed);
  }

  /** The one that counts of each lease, in turn; undefined: it was given back unused. */
  get causes(): readonly (LeaseVerdict['cause'] | undefined)[] {
    return this.granted.map(({ verdicts }) => verdicts[0]?.cause);
  }

  #grantOf(lease: Lease): Granted {
    const granted = this.granted.find((one) => one.lease === lease);
    if (granted === undefined) throw new Error('a lease that was not granted');
    return granted;
  }
}
