import type { Take } from '@omg/quota';
import type { KeyPool, WaitingTake } from './key-pool.ts';

/** So many takes may wait; more are refused at once. */
export const MAX_WAITING = 20_000;

/** What a take wants, apart from what it excludes. */
export function kindOf({ scopes: [part] }: Take): string {
  return part?.choice === undefined ? `key ${part?.scope ?? ''}` : `model ${part.choice.kind}`;
}

export function tokensOf({ scopes: [part] }: Take): number {
  return part?.need.tokens ?? 0;
}

export function excludesOf({ scopes: [part] }: Take): readonly string[] {
  return part?.choice?.exclude ?? [];
}

/** Whether somebody waits for the same who would have to be served first. */
export function isQueued({ waitingKinds }: KeyPool, take: Take): boolean {
  return (waitingKinds.get(kindOf(take)) ?? Infinity) <= tokensOf(take);
}

export function setWaiting(pool: KeyPool, waiting: WaitingTake[]): void {
  pool.waiting = [];
  pool.waitingKinds = new Map();
  for (const one of waiting) addWaiting(pool, one);
}

export function addWaiting(pool: KeyPool, waiting: WaitingTake): void {
  const { take } = waiting;
  pool.waiting.push(waiting);
  // what one with exclusions may not have the next one may
  if (excludesOf(take).length > 0) return;
  const kind = kindOf(take);
  pool.waitingKinds.set(kind, Math.min(tokensOf(take), pool.waitingKinds.get(kind) ?? Infinity));
}
