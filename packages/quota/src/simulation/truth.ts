import { BEHAVIOURS, DIMENSIONS, vector } from '../dimensions.ts';
import type { Amounts, Dimension, Vector } from '../dimensions.ts';
import { WINDOW_MS } from '../timing.ts';

interface Step {
  readonly atMs: number;
  readonly used: number;
}

/** What really runs and was used, of one scope, by a clock that nobody in the simulation can read. */
class TrueScope {
  readonly limit: Vector;
  readonly running = vector();
  readonly spent = vector();
  readonly uses: { [D in Dimension]?: { atMs: number; amount: number }[] } = { requests: [], tokens: [] };
  readonly steps: { readonly [D in Dimension]: Step[] } = { requests: [], tokens: [], slots: [], nanoUsd: [] };
  readonly highest = vector();

  constructor(limits: Amounts) {
    this.limit = vector(limits);
    for (const dimension of DIMENSIONS) if (limits[dimension] === undefined) this.limit[dimension] = Infinity;
  }

  used(dimension: Dimension, nowMs: number, windowMs: number): number {
    const uses = this.uses[dimension] ?? [];
    let sum = this.running[dimension] + this.spent[dimension];
    for (let index = uses.length - 1; index >= 0; index--) {
      const use = uses[index];
      if (use === undefined || use.atMs + windowMs <= nowMs) break;
      sum += use.amount;
    }
    return sum;
  }
}

/** Watches the limits from outside: what was passed, and who was refused without reason. */
export class Truth {
  readonly #scopes = new Map<string, TrueScope>();
  /** How much later than a minute what was used may come back. */
  readonly slackMs: number;

  /** A minute by the fastest clock: the owner measures it by its own, and a Hello by the holder's. */
  readonly #minuteMs: number;

  constructor(options: { readonly slackMs: number; readonly drift: number }) {
    this.slackMs = options.slackMs;
    this.#minuteMs = WINDOW_MS * (1 - 3 * options.drift);
  }

  define(scope: string, limits: Amounts): void {
    const known = this.#scopes.get(scope);
    if (known === undefined) this.#scopes.set(scope, new TrueScope(limits));
    else Object.assign(known.limit, limits);
  }

  /** A request begins. */
  begin(id: string, need: Amounts, nowMs: number): void {
    const scope = this.#scopeOf(id);
    for (const dimension of DIMENSIONS) {
      const amount = need[dimension] ?? 0;
      if (amount === 0) continue;
      if (BEHAVIOURS[dimension].fate === 'used_at_admission') scope.uses[dimension]?.push({ atMs: nowMs, amount });
      else scope.running[dimension] += amount;
      scope.highest[dimension] = Math.max(scope.highest[dimension], scope.used(dimension, nowMs, this.#minuteMs));
    }
    this.#step(scope, nowMs);
  }

  /** A request ended, and used so much of what it had reserved. */
  end(id: string, request: { readonly need: Amounts; readonly used: Amounts }, nowMs: number): void {
    const scope = this.#scopeOf(id);
    for (const dimension of DIMENSIONS) {
      const reserved = request.need[dimension] ?? 0;
      if (reserved === 0 || BEHAVIOURS[dimension].fate === 'used_at_admission') continue;
      scope.running[dimension] -= reserved;
      const amount = request.used[dimension] ?? 0;
      if (BEHAVIOURS[dimension].fate === 'used_at_end') scope.uses[dimension]?.push({ atMs: nowMs, amount });
      if (BEHAVIOURS[dimension].fate === 'charged') scope.spent[dimension] += amount;
      scope.highest[dimension] = Math.max(scope.highest[dimension], scope.used(dimension, nowMs, this.#minuteMs));
    }
    this.#step(scope, nowMs);
  }

  used(id: string, dimension: Dimension, nowMs: number): number {
    return this.#scopeOf(id).used(dimension, nowMs, this.#minuteMs);
  }

  /** The most that was ever in use at once, or in a minute, or spent. */
  highest(id: string, dimension: Dimension): number {
    return this.#scopeOf(id).highest[dimension];
  }

  /** Whether the need would have fitted at every moment between the two. */
  fitted(id: string, need: Amounts, during: { readonly fromMs: number; readonly toMs: number }): boolean {
    const scope = this.#scopeOf(id);
    return DIMENSIONS.every((dimension) => {
      const amount = need[dimension] ?? 0;
      if (amount === 0) return true;
      // Nothing comes free but by an end or the time, so the first moment and those of the beginnings are the worst.
      let most = scope.used(dimension, during.fromMs, WINDOW_MS + this.slackMs);
      const steps = scope.steps[dimension];
      for (let index = steps.length - 1; index >= 0; index--) {
        const step = steps[index];
        if (step === undefined) break;
        if (step.atMs <= during.toMs) most = Math.max(most, step.used);
        if (step.atMs < during.fromMs) break;
      }
      return most + amount <= scope.limit[dimension];
    });
  }

  #step(scope: TrueScope, nowMs: number): void {
    for (const dimension of DIMENSIONS) {
      scope.steps[dimension].push({ atMs: nowMs, used: scope.used(dimension, nowMs, WINDOW_MS + this.slackMs) });
    }
  }

  #scopeOf(id: string): TrueScope {
    const scope = this.#scopes.get(id);
    if (scope === undefined) throw new Error(`the scope ${id} is not defined`);
    return scope;
  }
}
