import { describe, expect, test } from 'vitest';
import { ownerFree } from './owner/owner.ts';
import type { SimRequest } from './simulation/holder-process.ts';
import { World } from './simulation/world.ts';
import type { WorldOptions } from './simulation/world.ts';

const CENT = 10_000_000;
const USD = 1_000_000_000;

function freeNow(world: World, scope: string): ReturnType<typeof ownerFree> {
  return world.owner && ownerFree(world.owner.core, scope, world.owner.localMs);
}

function start(options: Partial<WorldOptions> & Pick<WorldOptions, 'scopes'>): World {
  const world = new World({ seed: 1, holders: 3, ...options });
  world.timeline.runUntil(100);
  return world;
}

/** One request after the other, each at another holder, the next the moment that the last has ended. */
function sequentialClient(world: World, request: Omit<SimRequest, 'done'>, count: number): void {
  let left = count;
  const next = (): void => {
    if (left-- <= 0) return;
    world.holder(left).request({ ...request, done: next });
  };
  next();
}

describe('slots', () => {
  test('a sequential client with parallel 1 over three holders is never refused', () => {
    for (let seed = 0; seed < 50; seed++) {
      const world = start({ seed, scopes: [{ scope: 'key', limits: { slots: 1 } }] });
      const needs = [{ scope: 'key', need: { slots: 1 } }];
      sequentialClient(world, { needs, durationMs: 20, tokens: 0, nanoUsd: 0 }, 100);
      world.timeline.runUntil(30_000);
      expect(world.all.map(({ served }) => served).reduce((a, b) => a + b)).toBe(100);
      expect(world.all.flatMap(({ denials }) => denials)).toEqual([]);
      expect(world.truth.highest('key', 'slots')).toBe(1);
    }
  });

  test("a killed holder's unspent slots are back within the ttl, and those of its requests with their charges", () => {
    const world = start({ scopes: [{ scope: 'key', limits: { slots: 10 } }] });
    const needs = [{ scope: 'key', need: { slots: 1 } }];
    for (let index = 0; index < 6; index++) {
      world.holder(0).request({ needs, durationMs: index < 2 ? 60_000 : 500, tokens: 0, nanoUsd: 0 });
    }
    world.timeline.runUntil(2500);
    world.holder(0).kill(20_000);
    world.timeline.runUntil(2500 + 15_100);
    expect(freeNow(world, 'key')?.slots).toBe(8);
    world.timeline.runUntil(2500 + 20_400);
    expect(freeNow(world, 'key')?.slots).toBe(10);
  });

  test('without any charge they are back when the stream has passed the death by the longest request', () => {
    const world = start({ scopes: [{ scope: 'key', limits: { slots: 10 } }], owner: { longestRequestMs: 60_000 } });
    world.holder(0).request({
      needs: [{ scope: 'key', need: { slots: 4 } }],
      durationMs: 600_000,
      tokens: 0,
      nanoUsd: 0,
    });
    world.timeline.runUntil(2000);
    world.holder(0).kill(10_000_000);
    world.timeline.runUntil(70_000);
    expect(freeNow(world, 'key')?.slots).toBe(6);
    world.timeline.runUntil(78_000);
    expect(freeNow(world, 'key')?.slots).toBe(10);
  });
});

describe('rates', () => {
  test('RPM 100 is never passed in any 60 s however hard three holders are pushed, and what is free is served', () => {
    const world = start({ scopes: [{ scope: 'key', limits: { requests: 100 } }] });
    const needs = [{ scope: 'key', need: { requests: 1 } }];
    for (let atMs = 0; atMs < 300_000; atMs += 97) {
      world.timeline.at(100 + atMs, () => {
        world.holder(Math.floor(atMs / 97)).request({ needs, durationMs: 5, tokens: 0, nanoUsd: 0 });
      });
    }
    world.timeline.runUntil(301_000);
    expect(world.truth.highest('key', 'requests')).toBe(100);
    expect(world.falseDenials()).toEqual([]);
    // Five full windows, short of what the buckets keep too long.
    expect(world.all.map(({ served }) => served).reduce((a, b) => a + b)).toBeGreaterThan(490);
  });

  test('a client that asks again when its minute is over is served', () => {
    const world = start({ scopes: [{ scope: 'key', limits: { requests: 3 } }] });
    const needs = [{ scope: 'key', need: { requests: 1 } }];
    for (let round = 0; round < 20; round++) {
      for (const [index, offsetMs] of [0, 90, 180].entries()) {
        world.timeline.at(200 + round * 60_000 + offsetMs, () => {
          world.holder(round + index).request({ needs, durationMs: 5, tokens: 0, nanoUsd: 0 });
        });
      }
    }
    world.timeline.runUntil(20 * 60_000);
    expect(world.all.flatMap(({ denials }) => denials)).toEqual([]);
    expect(world.truth.highest('key', 'requests')).toBe(3);
  });

  test('tokens beyond the reservation are a debt that blocks until the window has forgotten it', () => {
    const world = start({ scopes: [{ scope: 'key', limits: { tokens: 1000 } }] });
    const results: string[] = [];
    const ask = (tokens: number): void => {
      const done = (result: string): void => void results.push(result);
      const needs = [{ scope: 'key', need: { tokens: 100 } }];
      world.holder(results.length).request({ needs, durationMs: 100, tokens, nanoUsd: 0, done });
    };
    ask(5000);
    world.timeline.runUntil(3000);
    expect(freeNow(world, 'key')?.tokens).toBe(-4000);
    ask(100);
    world.timeline.runUntil(4000);
    expect(results).toEqual(['served', 'denied']);
    world.timeline.runUntil(61_000);
    ask(100);
    world.timeline.runUntil(62_000);
    expect(results).toEqual(['served', 'denied', 'served']);
  });
});

describe('money', () => {
  test('a hard dollar and 1,000 requests at once of a cent each: exactly 100 are served, and 100 more after a refill', () => {
    for (let seed = 0; seed < 5; seed++) {
      const world = start({ seed, scopes: [{ scope: 'tenant', limits: { nanoUsd: USD }, hard: true }] });
      const needs = [{ scope: 'tenant', need: { nanoUsd: CENT } }];
      const burst = (): void => {
        for (let index = 0; index < 1000; index++) {
          world.holder(index).request({ needs, durationMs: 300, tokens: 0, nanoUsd: CENT });
        }
      };
      burst();
      world.timeline.runUntil(20_000);
      expect(world.all.map(({ served }) => served).reduce((a, b) => a + b)).toBe(100);
      expect(world.ledger.spentNanoUsd.get('tenant')).toBe(USD);
      world.ledger.settings.set('tenant', { scope: 'tenant', limits: { nanoUsd: 2 * USD }, version: 2, hard: true });
      world.owner?.perform(() => world.owner?.set('tenant'));
      burst();
      world.timeline.runUntil(40_000);
      expect(world.all.map(({ served }) => served).reduce((a, b) => a + b)).toBe(200);
      expect(world.ledger.spentNanoUsd.get('tenant')).toBe(2 * USD);
    }
  });

  test('a soft budget overdraws by one request at a time, and by no more than its worst minus its typical cost', () => {
    const world = start({ scopes: [{ scope: 'tenant', limits: { nanoUsd: USD }, hard: false }] });
    const needs = [{ scope: 'tenant', need: { nanoUsd: 30 * CENT }, typicalNanoUsd: 5 * CENT }];
    for (let index = 0; index < 200; index++) {
      world.timeline.at(200 + index * 50, () => {
        world.holder(index).request({ needs, durationMs: 400, tokens: 0, nanoUsd: 30 * CENT });
      });
    }
    world.timeline.runUntil(30_000);
    const spent = world.ledger.spentNanoUsd.get('tenant') ?? 0;
    expect(spent).toBeGreaterThan(USD);
    expect(spent).toBeLessThanOrEqual(USD + 25 * CENT);
  });

  test('a take of several scopes gets all or nothing', () => {
    const world = start({
      scopes: [
        { scope: 'key', limits: { slots: 5, requests: 100 } },
        { scope: 'tenant', limits: { nanoUsd: CENT } },
      ],
    });
    const needs = [
      { scope: 'key', need: { slots: 1, requests: 1 } },
      { scope: 'tenant', need: { nanoUsd: 2 * CENT } },
    ];
    world.holder(0).request({ needs, durationMs: 100, tokens: 0, nanoUsd: 0 });
    world.timeline.runUntil(1000);
    expect(world.holder(0).denials).toHaveLength(1);
    expect(freeNow(world, 'key')).toMatchObject({ slots: 5, requests: 100 });
  });
});
