import { availability } from '../key-availability.ts';
import type { KeyState } from '../key-state.ts';
import type { KeyFacts, KeyInfo, Route } from './pool-types.ts';

/** A key in the pool's memory. */
export interface PoolKey {
  facts: KeyFacts;
  state: KeyState;
  route: Route;
  /** Of the quota's scope: raised when what was granted is to come back. */
  scopeVersion: number;
  /** A backup key is about to take its place. */
  rotating: boolean;
  /** Models that it is not asked for, as of the last look. */
  deniedModels: readonly string[];
  /** When time alone changes something about it. */
  dueMs: number;
}

/** Whether anybody may be given a lease of it, beside probes. */
export function isLeasable(key: PoolKey, nowMs: number): boolean {
  return !key.rotating && key.route.via !== 'none' && availability(key.state, nowMs).lease === 'any';
}

/** Whether one lease of it may be a probe now. */
export function isProbeable(key: PoolKey, nowMs: number): boolean {
  if (key.rotating || key.route.via === 'none') return false;
  const may = availability(key.state, nowMs);
  return may.lease === 'probe' || (may.lease === 'any' && may.returnProbe);
}

export function fitsModel({ facts, deniedModels }: PoolKey, model: string): boolean {
  const { allowedModels } = facts.terms;
  if (model === '') return true;
  return (allowedModels === undefined || allowedModels.includes(model)) && !deniedModels.includes(model);
}

/** Whether there are models that it does not serve. */
export function isChoosy({ facts, deniedModels }: PoolKey): boolean {
  return facts.terms.allowedModels !== undefined || deniedModels.length > 0;
}

/** Brings up to date what depends on its state and the time. */
export function lookAt(key: PoolKey, nowMs: number): void {
  const { state } = key;
  key.deniedModels = [...state.deniedModels].flatMap(([model, untilMs]) => (untilMs > nowMs ? [model] : []));
  // one that is over its time still blocks: only a tick ends it
  key.dueMs = state.probe?.untilMs ?? Infinity;
  for (const atMs of [state.cooldownUntilMs, state.primaryRetryAtMs, ...state.deniedModels.values()]) {
    if (atMs !== undefined && atMs > nowMs && atMs < key.dueMs) key.dueMs = atMs;
  }
}

export function infoOf(
  key: PoolKey,
  options: { readonly nowMs: number; readonly withAccess: boolean; readonly abort: boolean },
): KeyInfo {
  const { facts, state, route, deniedModels } = key;
  const { nowMs, withAccess, abort } = options;
  const { terms } = facts;
  const access = route.via === 'none' ? undefined : { secret: facts.secret, endpoint: state.endpoint, route };
  return {
    keyId: facts.id,
    generation: state.generation,
    usable: isLeasable(key, nowMs),
    abort,
    allowedModels: terms.allowedModels ?? [],
    deniedModels,
    limitsRequests: terms.requestsPerMinute !== undefined,
    limitsTokens: terms.tokensPerMinute !== undefined,
    access: withAccess ? access : undefined,
  };
}
