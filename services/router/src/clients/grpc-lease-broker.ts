import type { GrpcClient } from '@omg/grpc';
import { OmgError } from '@omg/errors';
import type { keyBrokerV1 } from '@omg/proto-gen';
import type { Lease, LeaseBroker } from '../app/ports.ts';

export interface GrpcLeaseBrokerOptions {
  readonly client: GrpcClient<keyBrokerV1.KeyBrokerService>;
  readonly provider: string;
  /** This process run. */
  readonly holder: string;
  readonly onError: (what: string, error: unknown) => void;
}

// several renewals fit into the broker's ttl, so that one that is lost does no harm
const RENEW_EVERY_MS = 4_000;

/** Leases of one provider, one slot per request, kept until they are released. */
export class GrpcLeaseBroker implements LeaseBroker, AsyncDisposable {
  readonly #options: GrpcLeaseBrokerOptions;
  readonly #held = new Set<string>();
  readonly #renewing: NodeJS.Timeout;
  #releasing: string[] = [];
  #released: Promise<void> | undefined;

  constructor(options: GrpcLeaseBrokerOptions) {
    this.#options = options;
    this.#renewing = setInterval(() => void this.#renew(), RENEW_EVERY_MS);
  }

  async acquire(model: string, signal: AbortSignal): Promise<Lease | { readonly retryAfterMs: number }> {
    const { client, provider, holder } = this.#options;
    const { result } = await client.acquireLeases({ provider, model, count: 1, holder }, { signal });
    if (result?.$case === 'denied') return { retryAfterMs: result.value.retryAfterMs };
    const lease = toLease(result?.value.leases[0]);
    this.#held.add(lease.id);
    return lease;
  }

  release(lease: Lease): void {
    if (!this.#held.delete(lease.id)) return;
    this.#releasing.push(lease.id);
    this.#released ??= this.#releaseGathered();
  }

  /** Resolves when everything that was released has been told to the broker, or could not be. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewing);
    await this.#released;
  }

  /** What is released in one turn of the event loop goes in one call. */
  async #releaseGathered(): Promise<void> {
    await new Promise(setImmediate);
    const leaseIds = this.#releasing;
    this.#releasing = [];
    this.#released = undefined;
    try {
      await this.#options.client.releaseLeases({ leaseIds });
    } catch (error) {
      // they run out by themselves
      this.#options.onError('releasing leases', error);
    }
  }

  async #renew(): Promise<void> {
    const leaseIds = [...this.#held];
    if (leaseIds.length === 0) return;
    try {
      await this.#options.client.renewLeases({ leaseIds });
    } catch (error) {
      this.#options.onError('renewing leases', error);
    }
  }
}

function toLease(lease: keyBrokerV1.Lease | undefined): Lease {
  const { endpoint } = lease ?? {};
  if (lease === undefined || endpoint === undefined)
    throw new OmgError('internal', 'key-broker granted a lease without an endpoint');
  const baseUrl = endpoint.baseUrl.replace(/\/$/, '');
  return {
    id: lease.leaseId,
    provider: lease.provider,
    keyId: lease.keyId,
    secret: lease.secret,
    generation: lease.generation,
    proxyId: lease.proxy?.proxyId ?? '',
    endpointName: endpoint.name,
    urls: { openai: baseUrl + endpoint.chatCompletionsPath, anthropic: baseUrl + endpoint.messagesPath },
  };
}
