import { NOTHING_IN_A_ROW, type InARow, type KeyState } from '../domain/key-state.ts';
import type { KeyStateConfig } from '../domain/key-state-config.ts';
import type { KeyStatus } from '../domain/key-state.ts';

/** The fields of a key that people change by hand as well. */
export interface HandFields {
  readonly status: KeyStatus;
  readonly cooldownUntilMs: number | undefined;
  readonly enabled: boolean;
}

/** What this system wrote beside them. */
export interface OwnFields {
  readonly generation: bigint;
  readonly endpoint: KeyState['endpoint'];
  readonly paused: boolean;
  readonly primaryRetryAtMs: number | undefined;
  readonly inARow: InARow;
  readonly deniedModels: ReadonlyMap<string, number>;
  /** The hand fields as they were written last; undefined: never. */
  readonly wrote: HandFields | undefined;
}

export const NO_OWN_FIELDS: OwnFields = {
  generation: 1n,
  endpoint: 'primary',
  paused: false,
  primaryRetryAtMs: undefined,
  inARow: NOTHING_IN_A_ROW,
  deniedModels: new Map(),
  wrote: undefined,
};

/** Whether the hand fields are not what this system wrote last; also where it never wrote any. */
export function changedByHand(now: HandFields, wrote: HandFields | undefined): boolean {
  return now.status !== wrote?.status || now.cooldownUntilMs !== wrote.cooldownUntilMs || now.enabled !== wrote.enabled;
}

type HandState = Omit<KeyState, 'enableFailover' | 'lastError'>;

/** The state that a document means: what was changed by hand wins, and takes with it what it makes untrue. */
export function stateOf(
  now: HandFields,
  own: OwnFields,
  { config, nowMs }: { readonly config: KeyStateConfig; readonly nowMs: number },
): HandState {
  const { wrote, ...rest } = own;
  const state: HandState = {
    ...rest,
    ...now,
    probe: undefined,
    // who switches a key on wants it used
    paused: own.paused && (wrote?.enabled ?? now.enabled) === now.enabled,
  };
  // a cooldown that somebody took away is over
  if (wrote !== undefined && wrote.status === now.status) return state;
  const isBackup = now.status === 'using_failover';
  const isServing = isBackup || now.status === 'healthy';
  const isOldCooldown = wrote !== undefined && wrote.cooldownUntilMs === now.cooldownUntilMs;
  const fresh: HandState = {
    ...state,
    endpoint: isBackup ? 'backup' : 'primary',
    primaryRetryAtMs: isBackup ? nowMs + config.failoverMs : undefined,
    inARow: NOTHING_IN_A_ROW,
    // what was written with the status before ends with it
    cooldownUntilMs: isOldCooldown ? undefined : now.cooldownUntilMs,
    deniedModels: isServing ? new Map() : state.deniedModels,
  };
  return withWait(fresh, config, nowMs);
}

/** A cooldown that does not say how long takes the usual time. */
function withWait(state: HandState, config: KeyStateConfig, nowMs: number): HandState {
  if (state.cooldownUntilMs !== undefined) return state;
  switch (state.status) {
    case 'rate_limited':
      return { ...state, cooldownUntilMs: nowMs + config.rateLimit.firstMs };
    case 'exhausted':
      return { ...state, cooldownUntilMs: nowMs + config.exhaustedMs };
    case 'error':
      return { ...state, cooldownUntilMs: nowMs + config.error.firstMs };
    case 'healthy':
    case 'using_failover':
    case 'gone':
      return state;
  }
}
