import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Commit } from './simulation/simulated-mongod.ts';
import { SimulatedMongod } from './simulation/simulated-mongod.ts';
import { SimulatedProcess, type Act, type Network } from './simulation/simulated-process.ts';
import { SimulatedWorld } from './simulation/simulated-world.ts';

const CALM: Network = { delayMs: [1, 20], lossProbability: 0 };

interface Released {
  readonly id: string;
  readonly atMs: number;
}

/** One mongod, processes that come and go, and what they were seen to do. */
class Simulation {
  readonly world: SimulatedWorld;
  readonly mongod: SimulatedMongod;
  readonly ids: readonly string[];
  readonly processes: SimulatedProcess[] = [];
  readonly acts: Act[] = [];
  readonly released: Released[] = [];
  network: Network = CALM;
  serverJumpMs = 0;

  constructor(seed: number, ids: number) {
    this.world = new SimulatedWorld(seed);
    this.ids = Array.from({ length: ids }, (_, at) => `partition/${at}`);
    const rate = this.world.between(0.97, 1.03);
    const offsetMs = this.world.between(-3_600_000, 3_600_000);
    const { world } = this;
    this.mongod = new SimulatedMongod(
      this.ids,
      () => world.nowMs * rate + offsetMs + this.serverJumpMs + 1e12,
      () => world.nowMs,
    );
  }

  join(): SimulatedProcess {
    const { world, mongod, ids } = this;
    const process = new SimulatedProcess({
      world,
      mongod,
      ids,
      holder: `process-${this.processes.length}`,
      clock: { rate: world.between(0.97, 1.03), offsetMs: world.between(-60_000, 60_000) },
      network: () => this.network,
      onAct: (act) => this.acts.push(act),
      onReleased: (id) => this.released.push({ id, atMs: world.nowMs }),
    });
    this.processes.push(process);
    return process;
  }

  start(processes: number): this {
    for (let count = 0; count < processes; count += 1) this.join();
    return this;
  }

  shares(): readonly number[] {
    return this.processes.filter(({ isAlive }) => isAlive).map((process) => process.owned().length);
  }

  firstCommit(
    id: string,
    after: { readonly atMs: number; readonly by: (holder: string) => boolean },
  ): Commit | undefined {
    return this.mongod.commits.find(
      (commit) => commit.id === id && commit.atMs >= after.atMs && after.by(commit.holder),
    );
  }
}

const fault = fc.record({
  atMs: fc.integer({ min: 0, max: 30_000 }),
  kind: fc.constantFrom('kill', 'pause', 'leave', 'join', 'cut_off', 'wall_jump', 'lose', 'delay', 'server_jump'),
  target: fc.nat({ max: 5 }),
  lengthMs: fc.integer({ min: 100, max: 12_000 }),
  jumpMs: fc.integer({ min: -20_000, max: 20_000 }),
});
type Fault = typeof fault extends fc.Arbitrary<infer T> ? T : never;

function suffer(simulation: Simulation, { kind, target, lengthMs, jumpMs }: Fault): void {
  const alive = simulation.processes.filter(({ isAlive }) => isAlive);
  const process = alive[target % Math.max(alive.length, 1)];
  const { world } = simulation;
  const forAWhile = (network: Network): void => {
    simulation.network = network;
    world.after(lengthMs, () => {
      simulation.network = CALM;
    });
  };
  if (kind === 'server_jump') simulation.serverJumpMs += jumpMs;
  else if (kind === 'lose') forAWhile({ delayMs: [1, 50], lossProbability: 0.3 });
  else if (kind === 'delay') forAWhile({ delayMs: [1, 3_000], lossProbability: 0 });
  else if (kind === 'join' && alive.length < 5) simulation.join();
  else if (kind === 'kill') process?.kill();
  else if (kind === 'leave') process?.leave();
  else if (kind === 'pause') process?.pause(lengthMs);
  else if (kind === 'wall_jump' && process !== undefined) process.wallJumpMs += jumpMs;
  else if (kind === 'cut_off' && process !== undefined) {
    process.isCutOff = true;
    world.after(lengthMs, () => {
      process.isCutOff = false;
    });
  }
}

function termsNeverFall(events: readonly { readonly id: string; readonly term: number }[]): void {
  for (const list of Map.groupBy(events, ({ id }) => id).values()) {
    const terms = list.map(({ term }) => term);
    expect(terms).toEqual(terms.toSorted((one, other) => one - other));
  }
}

function oneHolderPerTerm(
  events: readonly { readonly id: string; readonly term: number; readonly holder: string }[],
): void {
  for (const list of Map.groupBy(events, ({ id, term }) => `${id}/${term}`).values())
    expect(new Set(list.map(({ holder }) => holder)).size).toBe(1);
}

test('whatever happens, a term has one owner, no older term commits or acts, and in the end each id has an owner and shares are even', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fault, { maxLength: 10 }),
      (seed, processes, ids, faults) => {
        const simulation = new Simulation(seed, ids).start(processes);
        const { world, mongod, acts } = simulation;
        for (const next of faults)
          world.after(next.atMs, () => {
            suffer(simulation, next);
          });
        world.runUntil(45_000);
        for (const process of simulation.processes) if (process.isOut) process.kill();
        simulation.join();
        world.runUntil(65_000);

        oneHolderPerTerm([...mongod.commits, ...acts]);
        termsNeverFall(mongod.commits);
        // what is done without the server relies on the server's clock going on as clocks do
        if (faults.every(({ kind }) => kind !== 'server_jump')) termsNeverFall(acts);

        const shares = simulation.shares();
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(ids);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        for (const id of simulation.ids)
          expect(simulation.firstCommit(id, { atMs: 62_000, by: () => true })).toBeDefined();
      },
    ),
    { numRuns: 60 },
  );
});

const steady = fc.record({
  seed: fc.integer(),
  processes: fc.integer({ min: 2, max: 4 }),
  ids: fc.integer({ min: 2, max: 8 }),
  atMs: fc.integer({ min: 5_000, max: 7_000 }),
});

test('six seconds after an owner was killed, with transactions open, others have committed for all that it had', () => {
  fc.assert(
    fc.property(steady, ({ seed, processes, ids, atMs }) => {
      const simulation = new Simulation(seed, ids).start(processes);
      simulation.world.runUntil(atMs);
      const victim = simulation.processes.find((process) => process.owned().length > 0);
      const lost = victim?.owned() ?? [];
      expect(lost).not.toHaveLength(0);
      victim?.kill();
      simulation.world.runUntil(atMs + 6_000);
      for (const id of lost)
        expect(simulation.firstCommit(id, { atMs, by: (holder) => holder !== victim?.holder })).toBeDefined();
    }),
    { numRuns: 100 },
  );
});

test('an owner that leaves hands over at once: the next one commits within a second, not after a lease', () => {
  fc.assert(
    fc.property(steady, ({ seed, processes, ids, atMs }) => {
      const simulation = new Simulation(seed, ids).start(processes);
      simulation.world.runUntil(atMs);
      const leaver = simulation.processes.find((process) => process.owned().length > 0);
      const lost = leaver?.owned() ?? [];
      expect(lost).not.toHaveLength(0);
      leaver?.leave();
      simulation.world.runUntil(atMs + 5_000);
      for (const id of lost) {
        const released = simulation.released.find((event) => event.id === id && event.atMs >= atMs);
        const next = simulation.firstCommit(id, { atMs, by: (holder) => holder !== leaver?.holder });
        expect((next?.atMs ?? Infinity) - (released?.atMs ?? 0)).toBeLessThan(1_000);
      }
    }),
    { numRuns: 100 },
  );
});

test('who joins gets its share within three seconds, and nobody moves more than that takes', () => {
  fc.assert(
    fc.property(steady, ({ seed, processes, ids, atMs }) => {
      const simulation = new Simulation(seed, ids).start(processes);
      simulation.world.runUntil(atMs);
      const before = new Map(simulation.processes.flatMap((process) => process.owned().map((id) => [id, process])));
      const joined = simulation.join();
      simulation.world.runUntil(atMs + 3_000);
      expect(joined.owned()).toHaveLength(Math.floor(ids / (processes + 1)));
      for (const [id, process] of before) if (!joined.owns(id)) expect(process.owns(id)).toBe(true);
    }),
    { numRuns: 100 },
  );
});
