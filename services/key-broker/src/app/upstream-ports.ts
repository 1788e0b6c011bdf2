import type { Dialect } from '@omg/llm-wire';
import type { ConnectTarget, ProxyAddress, ProxyFault } from '@omg/proxy-connect';
import type { OutcomeCause } from '../domain/key-event.ts';
import type { EndpointName } from '../domain/key-state.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';

export interface ProxyCheck {
  readonly ok: boolean;
  /** Only where it is not ok: who failed, as far as this one check can tell. */
  readonly fault?: ProxyFault;
  /** For the operator; no credentials in it. */
  readonly message: string;
  readonly latencyMs: number;
}

/** Whether the target can be reached through the proxy; throws only the signal's reason. */
export type CheckProxy = (
  proxy: ProxyAddress,
  target: ConnectTarget,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
) => Promise<ProxyCheck>;

export interface KeyTest {
  readonly provider: ProviderSpec;
  readonly endpoint: EndpointName;
  readonly secret: string;
  /** The upstream's name. */
  readonly model: string;
  /** Undefined: directly. */
  readonly proxy: ProxyAddress | undefined;
  /** By default as the model's name has it. */
  readonly dialect?: Dialect;
}

export interface KeyTestResult {
  readonly ok: boolean;
  /** Of HTTP; 0: there was no answer. */
  readonly status: number;
  /** What the answer means for a key. */
  readonly cause: OutcomeCause;
  /** For the operator; neither the key nor credentials in it. */
  readonly message: string;
  readonly latencyMs: number;
}

/** One small request with the key; throws only the signal's reason. */
export type TestKey = (
  test: KeyTest,
  options: { readonly timeoutMs?: number; readonly signal: AbortSignal },
) => Promise<KeyTestResult>;
