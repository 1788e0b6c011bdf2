export type KeyStatus = 'healthy' | 'rate_limited' | 'exhausted' | 'error' | 'using_failover';

/** A key of a provider's pool, as far as leasing it is concerned. */
export interface UpstreamKey {
  readonly id: string;
  readonly secret: string;
  readonly status: KeyStatus;
  /** The operator's switch; independent of the state. */
  readonly enabled: boolean;
  readonly cooldownUntilMs: number | undefined;
  /** Undefined: every model. */
  readonly allowedModels: readonly string[] | undefined;
  readonly slots: number;
  readonly generation: bigint;
}

export const DEFAULT_SLOTS = 50;

/** Whether the key may be used now, its slots and models aside. */
export function isUsable({ enabled, status, cooldownUntilMs = 0 }: UpstreamKey, nowMs: number): boolean {
  return enabled && cooldownUntilMs <= nowMs && (status === 'healthy' || status === 'using_failover');
}

export function allowsModel({ allowedModels }: UpstreamKey, model: string): boolean {
  return allowedModels === undefined || allowedModels.includes(model);
}
