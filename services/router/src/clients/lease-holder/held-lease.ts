import { OmgError } from '@omg/errors';
import type { Dialect } from '@omg/llm-wire';
import type { ProxyAddress } from '@omg/proxy-connect';
import type { Admission } from '@omg/quota';
import type { Lease } from '../../app/lease-broker.ts';
import type { KeyAccess } from './key-directory.ts';

export interface HeldLeaseFacts {
  readonly provider: string;
  readonly keyId: string;
  readonly generation: bigint;
  readonly access: KeyAccess;
  readonly proxy: ProxyAddress | undefined;
  readonly admission: Admission;
  readonly probe: { readonly probeId: bigint | undefined } | undefined;
}

/** A lease, and what its holder has to know of it. */
export class HeldLease implements Lease {
  readonly provider: string;
  readonly keyId: string;
  readonly secret: string;
  readonly generation: bigint;
  readonly proxy: ProxyAddress | undefined;
  readonly endpointName: string;
  readonly urls: Readonly<Record<Dialect, string>>;
  readonly http2: boolean;
  readonly admission: Admission;
  readonly probe: { readonly probeId: bigint | undefined } | undefined;
  isReported = false;
  // made when somebody asks for the signal: most leases are never cut
  #controller: AbortController | undefined;
  #isCut = false;

  constructor({ provider, keyId, generation, access, proxy, admission, probe }: HeldLeaseFacts) {
    this.provider = provider;
    this.keyId = keyId;
    this.secret = access.secret;
    this.generation = generation;
    this.proxy = proxy;
    this.endpointName = access.endpointName;
    this.urls = access.urls;
    this.http2 = access.http2;
    this.admission = admission;
    this.probe = probe;
  }

  get isProbe(): boolean {
    return this.probe !== undefined;
  }

  get cut(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isCut) this.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isCut = true;
    this.#controller?.abort(new OmgError('cancelled', 'the upstream key was withdrawn'));
  }
}
