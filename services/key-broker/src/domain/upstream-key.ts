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

/** Whether the key may be used now for the model, its slots aside. */
export function isUsable(key: UpstreamKey, model: string, nowMs: number): boolean {
  if (!key.enabled || (key.cooldownUntilMs ?? 0) > nowMs) return false;
  if (key.status !== 'healthy' && key.status !== 'using_failover') return false;
  return key.allowedModels === undefined || key.allowedModels.includes(model);
}
