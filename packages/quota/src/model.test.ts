import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIMENSIONS } from './dimensions.ts';
import type { Amounts } from './dimensions.ts';
import { ownerFree, ownerOutstanding } from './owner/owner.ts';
import { World } from './simulation/world.ts';
import type { WorldOptions } from './simulation/world.ts';

const RUNS = Number(process.env['QUOTA_MODEL_RUNS'] ?? 25);

interface Plan {
  readonly seed: number;
  readonly holders: number;
  readonly keys: number;
  readonly limits: { readonly slots: number; readonly requests: number; readonly tokens: number };
  readonly dollars: number;
  /** Requests per second, over all holders. */
  readonly rate: number;
  readonly longestMs: number;
  readonly maxDelayMs: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  holders: fc.integer({ min: 1, max: 4 }),
  keys: fc.integer({ min: 1, max: 3 }),
  limits: fc.record({
    slots: fc.integer({ min: 1, max: 12 }),
    requests: fc.integer({ min: 1, max: 300 }),
    tokens: fc.integer({ min: 1000, max: 50_000 }),
  }),
  dollars: fc.constantFrom(0.01, 0.5, 1, 1000),
  rate: fc.integer({ min: 1, max: 40 }),
  longestMs: fc.integer({ min: 10, max: 5000 }),
  maxDelayMs: fc.integer({ min: 2, max: 20 }),
});

const BUSY_MS = 100_000;

function build(plan: Plan, options: Partial<WorldOptions> = {}): World {
  const scopes = Array.from({ length: plan.keys }, (_, index) => ({ scope: `key-${index}`, limits: plan.limits }));
  const tenant = { scope: 'tenant', limits: { nanoUsd: plan.dollars * 1e9 }, hard: true };
  const world = new World({
    seed: plan.seed,
    holders: plan.holders,
    scopes: [...scopes, tenant],
    delays: { minMs: 1, maxMs: plan.maxDelayMs },
    drift: 0.001,
    ...options,
    holder: { failOpen: false, ...options.holder },
  });
  const { random } = world;
  for (let atMs = 200; atMs < BUSY_MS; atMs += random.between(0, 2000 / plan.rate)) {
    const needs = [
      {
        scope: `key-${random.integer(0, plan.keys - 1)}`,
        need: { slots: 1, requests: 1, tokens: random.integer(0, 900) },
      },
      { scope: 'tenant', need: { nanoUsd: random.integer(1, 10_000_000) } },
    ];
    const tokens = random.integer(0, needs[0]?.need.tokens ?? 0);
    const nanoUsd = random.integer(0, needs[1]?.need.nanoUsd ?? 0);
    const durationMs = random.between(1, plan.longestMs);
    const holder = random.integer(0, plan.holders - 1);
    world.timeline.at(atMs, () => {
      world.holder(holder).request({ needs, tokens, nanoUsd, durationMs });
    });
  }
  return world;
}

function often(world: World, everyMs: number, fault: () => void): void {
  for (let atMs = 1000; atMs < BUSY_MS; atMs += world.random.between(0, 2 * everyMs)) world.timeline.at(atMs, fault);
}

function expectWithin(world: World, plan: Plan, excess: (scope: string) => Amounts = () => ({})): void {
  const limits: [string, Amounts][] = Array.from({ length: plan.keys }, (_, index) => [`key-${index}`, plan.limits]);
  limits.push(['tenant', { nanoUsd: plan.dollars * 1e9 }]);
  for (const [scope, limit] of limits) {
    for (const dimension of DIMENSIONS) {
      const most = limit[dimension];
      if (most === undefined) continue;
      const seen = `${scope} ${dimension}: ${world.truth.highest(scope, dimension)}`;
      const allowed = most + (excess(scope)[dimension] ?? 0);
      expect(world.truth.highest(scope, dimension), `${seen} of ${allowed}`).toBeLessThanOrEqual(allowed);
    }
  }
}

/** When nobody asks for anything any more, everything comes back, to the unit. */
function expectQuiet(world: World, plan: Plan): void {
  world.timeline.runUntil(BUSY_MS + 250_000);
  const { owner } = world;
  if (owner === undefined) throw new Error('no owner');
  for (let index = 0; index < plan.keys; index++) {
    const scope = `key-${index}`;
    expect(ownerOutstanding(owner.core, scope)).toEqual(new Map());
    const free = ownerFree(owner.core, scope, owner.localMs);
    if (free !== undefined) expect(free).toMatchObject(plan.limits);
  }
  const free = ownerFree(owner.core, 'tenant', owner.localMs);
  expect(ownerOutstanding(owner.core, 'tenant')).toEqual(new Map());
  const left = plan.dollars * 1e9 - (world.ledger.spentNanoUsd.get('tenant') ?? 0);
  if (free !== undefined) expect(free.nanoUsd).toBe(left);
}

/** What a holder that cannot be asked may have given to requests after its last word, which end after its ttl. */
function takenBack(world: World): (scope: string) => Amounts {
  return (scope) => {
    const sum = { slots: 0, tokens: 0, nanoUsd: 0 };
    for (const owner of world.owners) {
      sum.slots += owner.takenBack.get(scope)?.slots ?? 0;
      sum.tokens += owner.takenBack.get(scope)?.tokens ?? 0;
      sum.nanoUsd += owner.takenBack.get(scope)?.nanoUsd ?? 0;
    }
    return sum;
  };
}

/** A fair part to those who are present, beside all that one may have who was away when the owner came. */
function guessed(world: World, plan: Plan): (scope: string) => Amounts {
  const count = world.owners.filter((owner) => owner.guessed).length;
  const once = { slots: plan.limits.slots, requests: plan.limits.requests, tokens: plan.limits.tokens };
  return (scope) => (scope === 'tenant' || count === 0 ? {} : once);
}

/** A holder dies, stops for a while or is cut off. */
function disturb(world: World, plan: Plan): void {
  const index = world.random.integer(0, plan.holders - 1);
  const durationMs = world.random.between(100, 30_000);
  switch (world.random.integer(0, 2)) {
    case 0:
      world.holder(index).kill(world.random.between(10, 40_000));
      world.timeline.at(world.nowMs + durationMs, () => {
        if (!world.holder(index).alive) world.startHolder(index);
      });
      break;
    case 1:
      world.holder(index).pause(durationMs);
      break;
    default:
      world.cut(index, durationMs);
      if (world.random.chance(0.5)) world.breakLink(index);
  }
}

function check(property: (plan: Plan) => void): void {
  fc.assert(fc.property(plans, property), { numRuns: RUNS });
}

describe('over a simulated network', () => {
  test('without faults no limit is passed, nobody is refused who fits, and everything comes back', () => {
    check((plan) => {
      const world = build(plan);
      world.timeline.runUntil(BUSY_MS + 10_000);
      expectWithin(world, plan);
      expect(world.falseDenials()).toEqual([]);
      expect(world.all.every(({ unavailable }) => unavailable === 0)).toBe(true);
      expectQuiet(world, plan);
    });
  });

  test('broken streams pass no limit and lose nothing', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 700, () => {
        world.breakLink(world.random.integer(0, plan.holders - 1));
      });
      expectQuiet(world, plan);
      expectWithin(world, plan);
    });
  });

  test('owners that die or are deposed pass no limit, unless a holder is away for the first second', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 10_000, () => {
        if (world.owner === undefined) return;
        world.failover({ crash: world.random.chance(0.5), gapMs: world.random.between(10, 6000) });
      });
      often(world, 5000, () => {
        world.breakLink(world.random.integer(0, plan.holders - 1));
      });
      expectQuiet(world, plan);
      expectWithin(world, plan, guessed(world, plan));
    });
  });

  test('whatever fails at once, everything comes back to the unit in the end', () => {
    check((plan) => {
      const world = build(plan, { holder: { failOpen: true, outageGraceMs: plan.seed % 2 === 0 ? 0 : 120_000 } });
      often(world, 20_000, () => {
        if (world.owner === undefined) return;
        world.failover({ crash: world.random.chance(0.5), gapMs: world.random.between(10, 10_000) });
      });
      often(world, 4000, () => {
        disturb(world, plan);
      });
      often(world, 20_000, () => {
        world.owner?.pause(world.random.between(10, 20_000));
      });
      expectQuiet(world, plan);
    });
  });

  test('holders that die, stop or are cut off never pass RPM, and the rest only by what was taken back unasked', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 8000, () => {
        disturb(world, plan);
      });
      expectQuiet(world, plan);
      expectWithin(world, plan, takenBack(world));
    });
  });
});
