import type { EndpointName, KeyState } from './key-state.ts';

export type Availability =
  /** `returnProbe`: one lease of it may try the primary endpoint instead. */
  | { readonly lease: 'any'; readonly endpoint: EndpointName; readonly returnProbe: boolean }
  /** Half-open: one lease, which decides. */
  | { readonly lease: 'probe'; readonly endpoint: EndpointName }
  | {
      readonly lease: 'none';
      readonly why: 'gone' | 'disabled' | 'paused' | 'cooling' | 'probing';
      readonly untilMs: number | undefined;
    };

/** What may be leased of a key now, its slots and models aside. */
export function availability(key: KeyState, nowMs: number): Availability {
  if (key.status === 'gone') return none('gone');
  if (!key.enabled) return none('disabled');
  if (key.paused) return none('paused');
  if (key.cooldownUntilMs !== undefined && key.cooldownUntilMs > nowMs) return none('cooling', key.cooldownUntilMs);
  const { endpoint } = key;
  if (isServing(key)) {
    const returnProbe = endpoint === 'backup' && key.probe === undefined && (key.primaryRetryAtMs ?? Infinity) <= nowMs;
    return { lease: 'any', endpoint, returnProbe };
  }
  // one that is over its time still blocks: only a tick ends it
  return key.probe === undefined ? { lease: 'probe', endpoint } : none('probing', key.probe.untilMs);
}

export function isModelDenied(key: KeyState, model: string, nowMs: number): boolean {
  return (key.deniedModels.get(model) ?? 0) > nowMs;
}

/** Whether the status itself lets the key serve. */
export function isServing({ status }: KeyState): boolean {
  return status === 'healthy' || status === 'using_failover';
}

function none(
  why: Extract<Availability, { lease: 'none' }>['why'],
  untilMs?: number,
): Extract<Availability, { lease: 'none' }> {
  return { lease: 'none', why, untilMs };
}
