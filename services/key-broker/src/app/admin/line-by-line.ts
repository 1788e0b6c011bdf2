import { OmgError } from '@omg/errors';
import type { LineResult } from '../pool-store.ts';

/** As many as one call may hold: one transaction's worth. */
const MAX_LINES = 1_000;

export function requireLines(count: number): void {
  if (count > MAX_LINES) {
    throw new OmgError('invalid_argument', `${count} at once are too many: send at most ${MAX_LINES} in a call`);
  }
}

export interface Lines<T extends { readonly id: string }> {
  readonly lines: readonly T[];
  /** Why a line is refused by itself, in words. */
  readonly faultOf: (line: T) => string | undefined;
  /** What becomes of the others, in their order. */
  readonly run: (lines: readonly T[]) => Promise<readonly LineResult[]>;
}

/** Does what can be done of many, and tells of each what became of it. */
export async function lineByLine<T extends { readonly id: string }>({
  lines,
  faultOf,
  run,
}: Lines<T>): Promise<readonly LineResult[]> {
  requireLines(lines.length);
  const checked = lines.map((line) => ({ line, fault: faultOf(line) }));
  const good = checked.flatMap(({ line, fault }) => (fault === undefined ? [line] : []));
  const done = (good.length === 0 ? [] : await run(good)).values();
  return checked.map(({ line, fault }) => {
    if (fault !== undefined) return { id: line.id, ok: false, reason: fault };
    return done.next().value ?? { id: line.id, ok: false, reason: 'nothing is known of it' };
  });
}
