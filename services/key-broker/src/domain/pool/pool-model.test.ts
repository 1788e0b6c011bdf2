import { ownerOutstanding } from '@omg/quota';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutcomeCause } from '../key-event.ts';
import { record } from './pool-rig.ts';
import { World } from './simulation/world.ts';

const RUNS = Number(process.env['POOL_MODEL_RUNS'] ?? 20);

interface Plan {
  readonly seed: number;
  readonly holders: number;
  /** Slots of each key. */
  readonly keys: readonly number[];
  readonly backups: number;
  /** Requests per second, over all holders. */
  readonly rate: number;
  readonly longestMs: number;
  readonly maxDelayMs: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  holders: fc.integer({ min: 1, max: 4 }),
  keys: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
  backups: fc.integer({ min: 0, max: 3 }),
  rate: fc.integer({ min: 5, max: 60 }),
  longestMs: fc.integer({ min: 20, max: 3000 }),
  maxDelayMs: fc.integer({ min: 2, max: 20 }),
});

const BUSY_MS = 30_000;
const FAULTS: Readonly<Partial<Record<OutcomeCause, number>>> = {
  rate_limited: 0.03,
  upstream_error: 0.03,
  quota: 0.004,
  auth: 0.002,
  model_denied: 0.01,
  cancelled: 0.02,
  request_fault: 0.01,
};

function build(plan: Plan, faults = FAULTS): World {
  const { seed, holders, backups, maxDelayMs } = plan;
  const keys = plan.keys.map((slots, at) =>
    record(`key-${at}`, {
      terms: { slots, enableFailover: at % 2 === 0, ...(at % 3 === 2 && { allowedModels: ['m'] }) },
    }),
  );
  const world = new World({ seed, holders, keys, backups, maxDelayMs, faults });
  const { random } = world;
  for (let atMs = 500; atMs < BUSY_MS; atMs += random.between(0, 2000 / plan.rate)) {
    const request = {
      model: random.pick(['m', 'm', 'other']),
      wish: random.chance(0.5) ? `key-${random.integer(0, plan.keys.length - 1)}` : '',
      firstByteMs: random.between(1, 100),
      durationMs: random.between(1, plan.longestMs),
    };
    const holder = random.integer(0, holders - 1);
    world.timeline.at(atMs, () => {
      world.holder(holder).request(request);
    });
  }
  return world;
}

function often(world: World, everyMs: number, act: () => void): void {
  for (let atMs = 1000; atMs < BUSY_MS; atMs += world.random.between(0, 2 * everyMs)) world.timeline.at(atMs, act);
}

/** What operators do, and what the whole provider does at times. */
function operate(world: World): void {
  const { random, owner, database } = world;
  const ids = [...database.keys.keys()];
  if (owner === undefined || ids.length === 0) return;
  const id = random.pick(ids);
  const by = { actor: 'op' } as const;
  switch (random.integer(0, 7)) {
    case 0:
      owner.operate(id, { type: 'disable', abort: random.chance(0.5), ...by });
      break;
    case 1:
      owner.operate(id, { type: 'pause', ...by });
      break;
    case 2:
      owner.operate(id, { type: 'reset', ...by });
      break;
    case 3:
      owner.operate(id, { type: 'rotate', ...by });
      break;
    case 4: {
      const key = database.keys.get(id);
      if (key === undefined) break;
      const secret = `${key.facts.secret}'`;
      database.put({ ...key, facts: { ...key.facts, secret } });
      owner.read();
      break;
    }
    case 5: {
      const terms = database.keys.get(id)?.facts.terms ?? {};
      database.keys.delete(id);
      owner.read();
      world.timeline.at(world.nowMs + 1_500, () => {
        database.put(record(id, { terms }));
        world.owner?.read();
      });
      break;
    }
    default:
      for (const other of ids) owner.operate(other, { type: 'enable', ...by });
  }
}

function strike(world: World): void {
  world.incident = world.random.pick(['rate_limited', 'upstream_error', 'unattributed_403'] as const);
  world.timeline.at(world.nowMs + world.random.between(200, 3_000), () => {
    if (world.nowMs < BUSY_MS) world.incident = undefined;
  });
}

function disturb(world: World, plan: Plan): void {
  const index = world.random.integer(0, plan.holders - 1);
  const durationMs = world.random.between(100, 18_000);
  if (world.random.chance(0.4)) {
    world.holder(index).kill();
    world.timeline.at(world.nowMs + durationMs, () => {
      if (!world.holder(index).alive) world.startHolder(index);
    });
  } else {
    world.cut(index, durationMs);
    if (world.random.chance(0.5)) world.breakLink(index);
  }
}

/** When nobody asks for anything any more, all comes back, and every slot can be had. */
function expectQuiet(world: World, plan: Plan): void {
  world.timeline.runUntil(BUSY_MS + 60_000);
  world.incident = 'success';
  const { owner, database } = world;
  if (owner === undefined) throw new Error('no owner');
  const by = { actor: 'op' } as const;
  for (const id of database.keys.keys()) {
    owner.operate(id, { type: 'enable', ...by });
    owner.operate(id, { type: 'reset', ...by });
    expect(ownerOutstanding(owner.pool.owner, id)).toEqual(new Map());
  }
  expect(owner.pool.waiting).toEqual([]);
  const holder = world.startHolder(plan.holders);
  // a hold ends by a request that probes it
  for (let atMs = 0; atMs < 12_000; atMs += 500) {
    world.timeline.at(world.nowMs + atMs, () => {
      holder.request({ model: 'm', wish: '', firstByteMs: 1, durationMs: 1 });
    });
  }
  world.timeline.runUntil(world.nowMs + 13_000);
  expect(owner.pool.holds.any).toBe(false);
  const total = [...database.keys.keys()].reduce((sum, id) => sum + (database.slots.get(id) ?? 0), 0);
  for (let count = 0; count < total + 5; count += 1) {
    holder.request({ model: 'm', wish: '', firstByteMs: 100_000, durationMs: 1 });
  }
  world.timeline.runUntil(world.nowMs + 2_000);
  for (const id of database.keys.keys()) expect([id, world.watch.runningOn(id)]).toEqual([id, database.slots.get(id)]);
  expect(holder.waits).toBe(0);
}

function check(property: (plan: Plan) => void): void {
  fc.assert(fc.property(plans, property), { numRuns: RUNS });
}

describe('a pool over a simulated network', () => {
  test('without broken streams nobody is refused who could be served', () => {
    check((plan) => {
      const world = build(plan, { ...FAULTS, model_denied: 0 });
      often(world, 3_000, () => {
        operate(world);
      });
      world.timeline.runUntil(BUSY_MS);
      const { watch } = world;
      expect(watch.falseRefusals(world.database.slots, 4 * plan.maxDelayMs)).toEqual([]);
      expect(watch.unavailable).toBe(0);
      expectQuiet(world, plan);
      expect(watch.violations).toEqual([]);
    });
  });

  test('broken streams, incidents and operators: no slot twice, no lease of what may not be used, one probe at a time', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 700, () => {
        world.breakLink(world.random.integer(0, plan.holders - 1));
      });
      often(world, 2_000, () => {
        operate(world);
      });
      often(world, 8_000, () => {
        strike(world);
      });
      expectQuiet(world, plan);
      expect(world.watch.violations).toEqual([]);
    });
  });

  test('holders that die or are cut off keep nothing for longer than a ttl', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 5_000, () => {
        disturb(world, plan);
      });
      often(world, 3_000, () => {
        operate(world);
      });
      expectQuiet(world, plan);
      expect(world.watch.violations).toEqual([]);
    });
  });

  test('owners that die are followed by one that knows what is held', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 9_000, () => {
        world.failover(world.random.between(10, 5_000));
      });
      often(world, 3_000, () => {
        world.breakLink(world.random.integer(0, plan.holders - 1));
      });
      often(world, 3_000, () => {
        operate(world);
      });
      expectQuiet(world, plan);
      expect(world.watch.violations).toEqual([]);
    });
  });

  test('whatever fails at once, every slot can be had in the end', () => {
    check((plan) => {
      const world = build(plan);
      often(world, 12_000, () => {
        world.failover(world.random.between(10, 8_000));
      });
      often(world, 5_000, () => {
        disturb(world, plan);
      });
      often(world, 4_000, () => {
        operate(world);
      });
      often(world, 10_000, () => {
        strike(world);
      });
      expectQuiet(world, plan);
      expect(world.watch.violations.filter((fault) => !fault.includes(' run on '))).toEqual([]);
    });
  });
});
