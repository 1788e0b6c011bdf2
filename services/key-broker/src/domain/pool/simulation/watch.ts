import type { KeyPool } from '../key-pool.ts';
import { isLeasable } from '../pool-key.ts';
import type { Timeline } from './timeline.ts';

/** A request that runs on a key. */
export interface Running {
  readonly keyId: string;
  readonly epoch: string;
  /** Its holder was given up by the owner: it may run beside what the owner has given to others since. */
  excused: boolean;
}

export interface Refusal {
  readonly reason: string;
  readonly model: string;
  readonly exclude: readonly string[];
  readonly askedMs: number;
  readonly deniedMs: number;
}

interface KeyWatch {
  readonly running: Set<Running>;
  /** How many ran, and since when. */
  readonly steps: { readonly atMs: number; readonly count: number }[];
  /** Whether the owner may lease it, and since when. */
  readonly leasable: { readonly atMs: number; readonly is: boolean }[];
  allowedModels: readonly string[] | undefined;
}

/** Sees what really runs, by a clock that no process has, and notes what must not be. */
export class Watch {
  readonly violations: string[] = [];
  readonly refusals: Refusal[] = [];
  unavailable = 0;
  served = 0;
  probes = 0;
  fromHeld = 0;
  readonly #timeline: Timeline;
  readonly #keys = new Map<string, KeyWatch>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  fault(what: string): void {
    this.violations.push(`${this.#timeline.nowMs.toFixed(1)}: ${what}`);
  }

  begin(running: Running, most: number): void {
    const key = this.#keyOf(running.keyId);
    key.running.add(running);
    this.served += 1;
    const counted = [...key.running].filter(({ excused }) => !excused).length;
    if (counted > most) this.fault(`${counted} of ${most} run on ${running.keyId}`);
    this.#step(key);
  }

  end(running: Running): void {
    const key = this.#keyOf(running.keyId);
    key.running.delete(running);
    this.#step(key);
  }

  /** The owner has given this holder up: what runs there is not its any more. */
  excuse(epoch: string): void {
    for (const { running } of this.#keys.values())
      for (const one of running) if (one.epoch === epoch) one.excused = true;
  }

  runningOn(keyId: string): number {
    return this.#keyOf(keyId).running.size;
  }

  /** What the owner thinks of its keys, after each of its turns. */
  see(pool: KeyPool, localMs: number): void {
    for (const key of pool.keys.values()) {
      const watch = this.#keyOf(key.facts.id);
      watch.allowedModels = key.facts.terms.allowedModels;
      this.#note(watch, isLeasable(key, localMs) && pool.holds.provider === undefined);
    }
    for (const [id, watch] of this.#keys) if (!pool.keys.has(id)) this.#note(watch, false);
  }

  /** There is no owner: nobody says anything of the keys. */
  unseen(): void {
    for (const watch of this.#keys.values()) this.#note(watch, false);
  }

  /** Undefined: it may be leased. */
  blockedSinceMs(keyId: string): number | undefined {
    const last = this.#keyOf(keyId).leasable.at(-1);
    return last === undefined || last.is ? undefined : last.atMs;
  }

  /** Refused for want of a slot or a key, though some key that fits was leasable and had a free slot all the time. */
  falseRefusals(
    slots: ReadonlyMap<string, number>,
    aroundMs: number,
  ): readonly (Refusal & { readonly keyId: string })[] {
    return this.refusals.flatMap((refusal) => {
      const { model, exclude, askedMs, deniedMs } = refusal;
      const during = { fromMs: askedMs - aroundMs, toMs: deniedMs + aroundMs };
      for (const [keyId, watch] of this.#keys) {
        if (exclude.includes(keyId) || watch.allowedModels?.includes(model) === false) continue;
        if (!always(watch.leasable, during, ({ is }) => is)) continue;
        if (always(watch.steps, during, ({ count }) => count < (slots.get(keyId) ?? 0))) return [{ ...refusal, keyId }];
      }
      return [];
    });
  }

  #note(watch: KeyWatch, is: boolean): void {
    if (watch.leasable.at(-1)?.is !== is) watch.leasable.push({ atMs: this.#timeline.nowMs, is });
  }

  #step({ steps, running }: KeyWatch): void {
    steps.push({ atMs: this.#timeline.nowMs, count: running.size });
  }

  #keyOf(id: string): KeyWatch {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const begun = [{ atMs: -Infinity, count: 0 }];
    const made: KeyWatch = { running: new Set(), steps: begun, leasable: [], allowedModels: undefined };
    this.#keys.set(id, made);
    return made;
  }
}

/** Whether it held at every moment of the time. */
function always<T extends { readonly atMs: number }>(
  history: readonly T[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  test: (one: T) => boolean,
): boolean {
  for (let index = history.length - 1; index >= 0; index -= 1) {
    const one = history[index];
    if (one === undefined) break;
    if (one.atMs <= toMs && !test(one)) return false;
    if (one.atMs <= fromMs) return true;
  }
  return false;
}
