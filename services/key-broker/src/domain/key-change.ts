import { isServing } from './key-availability.ts';
import type { HistoryEntry, KeyEffect } from './key-event.ts';
import type { KeyState } from './key-state.ts';
import type { KeyStateConfig } from './key-state-config.ts';

/** What a transition depends on besides the key and the event. */
export interface TransitionContext {
  readonly config: KeyStateConfig;
  readonly nowMs: number;
  /** 0 up to, not including, 1; drawn by the caller. */
  readonly jitter: number;
  /** An unused backup key is there. */
  readonly backupKeyAvailable: boolean;
  /** The provider has a backup endpoint. */
  readonly backupEndpoint: boolean;
}

export interface Transition {
  /** The same object where nothing changed. */
  readonly key: KeyState;
  readonly effects: readonly KeyEffect[];
}

export function unchanged(key: KeyState): Transition {
  return { key, effects: [] };
}

export interface Change {
  readonly to: Partial<Omit<KeyState, 'generation'>>;
  readonly cause: HistoryEntry['cause'];
  readonly actor?: string;
  readonly leases: 'keep' | 'revoke' | 'abort';
  readonly more?: readonly KeyEffect[];
  readonly nowMs: number;
}

/** The next generation of a key: pushed, and with an entry in its history. */
export function changed(
  key: KeyState,
  { to, cause, actor = 'key-broker', leases, more = [], nowMs }: Change,
): Transition {
  const next: KeyState = { ...key, ...to, generation: key.generation + 1n };
  const entry: HistoryEntry = {
    cause,
    from: key.status,
    to: next.status,
    generation: next.generation,
    actor,
    atMs: nowMs,
  };
  return { key: next, effects: [{ type: 'push', leases }, { type: 'history', entry }, ...more] };
}

/** The next generation of a key whose state stays: only the holders need to know. */
export function counted(key: KeyState): Transition {
  return { key: { ...key, generation: key.generation + 1n }, effects: [{ type: 'push', leases: 'keep' }] };
}

/** A cooldown, unless the one that the key has is longer: then that one and its reason stay. */
export function cooldown(
  key: KeyState,
  status: 'rate_limited' | 'exhausted' | 'error',
  untilMs: number,
): Pick<KeyState, 'status' | 'cooldownUntilMs'> {
  if ((key.cooldownUntilMs ?? 0) <= untilMs) return { status, cooldownUntilMs: untilMs };
  return { status: isServing(key) ? status : key.status, cooldownUntilMs: key.cooldownUntilMs };
}
