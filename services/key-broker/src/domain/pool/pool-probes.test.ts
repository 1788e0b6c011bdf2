import { describe, expect, test } from 'vitest';
import { keyOf, record, Rig, type RigHolder } from './pool-rig.ts';

const HOUR = 3_600_000;

/** One key that is half-open, and one that is well. */
function halfOpen(): { readonly rig: Rig; readonly a: RigHolder } {
  const rig = new Rig([record('k0'), record('k1')]);
  const a = rig.holder('a');
  rig.report('k0', 'rate_limited', { retryAfterMs: 1_000 });
  expect(a.info?.probeWanted).toBe(false);
  rig.advance(1_010);
  expect(a.info?.probeWanted).toBe(true);
  return { rig, a };
}

describe('a key whose cooldown is over', () => {
  test('gets one probe at a time, for a request that has tried nothing else', () => {
    const { rig, a } = halfOpen();
    const before = rig.key('k0').state.generation;
    expect(a.take({ exclude: ['x'] })).toBe('k1');
    const probe = a.ask({ wish: 'k1' });
    expect([keyOf(probe), a.probeOf(probe)]).toMatchObject([
      'k0',
      { keyId: 'k0', generation: before + 1n, access: { endpoint: 'primary', secret: 'secret of k0' } },
    ]);
    expect(a.keys.get('k0')).toMatchObject({ usable: false, generation: before + 1n });
    expect([a.take(), a.take(), a.take({ wish: 'k0' })]).toEqual(['k1', 'k1', 'k1']);
    expect([a.unspent('k0'), a.info?.probeWanted]).toEqual([0, false]);
  });

  test('is well again by the success of its probe, and of nothing else', () => {
    const { rig, a } = halfOpen();
    const probe = a.ask();
    rig.report('k0', 'success', { generation: rig.key('k0').state.generation - 1n });
    expect(rig.key('k0').state.status).toBe('rate_limited');
    rig.reportProbe(a.probeOf(probe), 'success');
    expect(rig.key('k0').state.status).toBe('healthy');
    expect(a.keys.get('k0')?.usable).toBe(true);
    expect(new Set([a.take(), a.take()])).toEqual(new Set(['k0', 'k1']));
  });

  test('cools down again by its failure', () => {
    const { rig, a } = halfOpen();
    rig.reportProbe(a.probeOf(a.ask()), 'rate_limited');
    expect(rig.key('k0').state).toMatchObject({ status: 'rate_limited', cooldownUntilMs: rig.nowMs + 4_000 });
    expect(a.take()).toBe('k1');
    rig.advance(4_020);
    expect(a.take()).toBe('k0');
  });

  test('waits for another one when nothing is heard of it', () => {
    const { rig, a } = halfOpen();
    const probe = a.ask();
    rig.advance(rig.pool.config.keyState.probeTtlMs - 100, 500);
    expect(a.take()).toBe('k1');
    rig.advance(2_200, 100);
    expect(a.take()).toBe('k0');
    rig.reportProbe(a.probeOf(probe), 'success');
    expect(rig.key('k0').state.status).toBe('rate_limited');
  });

  test('is the last resort of a request that has tried others', () => {
    const { rig, a } = halfOpen();
    expect(a.take({ exclude: ['k1'] })).toBe('k0');
    expect(rig.key('k0').state.probe).toBeDefined();
  });

  test('gets its probe after a takeover too, once the one before is over', () => {
    const state = {
      status: 'error',
      cooldownUntilMs: 900_000_000,
      probe: { endpoint: 'primary', generation: 5n, untilMs: 1_000_010_000 },
      generation: 5n,
    } as const;
    const rig = new Rig([record('k0', { state }), record('k1')], { pool: { term: 2 } });
    const a = rig.holder('a');
    rig.report('k0', 'success', { generation: 5n });
    expect(rig.key('k0').state.status).toBe('error');
    expect(a.take()).toBe('k1');
    rig.advance(12_100, 100);
    expect(a.take()).toBe('k0');
  });
});

test('a key at the backup endpoint serves there while one lease probes the primary one', () => {
  const rig = new Rig([record('k0', { terms: { enableFailover: true } })]);
  const a = rig.holder('a');
  rig.report('k0', 'quota');
  expect(a.keys.get('k0')).toMatchObject({ usable: true });
  expect(a.take()).toBe('k0');
  expect(a.keys.get('k0')?.access?.endpoint).toBe('backup');
  rig.advance(24 * HOUR, 10_000);
  const probe = a.ask();
  expect(a.probeOf(probe)?.access.endpoint).toBe('primary');
  const other = a.ask();
  expect([keyOf(other), a.probeOf(other), a.keys.get('k0')?.access?.endpoint]).toEqual(['k0', undefined, 'backup']);
  rig.reportProbe(a.probeOf(probe), 'success');
  expect(rig.key('k0').state).toMatchObject({ status: 'healthy', endpoint: 'primary' });
  expect(a.keys.get('k0')?.access?.endpoint).toBe('primary');
});

describe('many keys that fail alike', () => {
  function held(): { readonly rig: Rig; readonly a: RigHolder } {
    const rig = new Rig(Array.from({ length: 6 }, (_, at) => record(`k${at}`)));
    const a = rig.holder('a');
    for (const id of ['k0', 'k1', 'k2']) rig.report(id, 'rate_limited');
    return { rig, a };
  }

  test('are released, and their provider is held: nothing is leased but its probe', () => {
    const { rig, a } = held();
    expect(rig.alerts).toContainEqual({ alert: 'hold', scope: 'provider', cause: 'rate_limited' });
    expect([...rig.pool.keys.values()].map(({ state }) => state.status)).toEqual(
      Array.from({ length: 6 }, () => 'healthy'),
    );
    expect(a.info?.heldForMs).toBeGreaterThan(0);
    expect(a.ask()).toMatchObject({ state: 'denied', denial: { scope: 'held', retryAfterMs: 2_000 } });
    rig.advance(2_050);
    expect(a.info?.probeWanted).toBe(true);
    const probe = a.ask();
    expect(a.probeOf(probe)?.probeId).toBeDefined();
    expect(a.info?.probeWanted).toBe(false);
    expect(a.ask()).toMatchObject({ state: 'denied', denial: { scope: 'held' } });
    rig.reportProbe(a.probeOf(probe), 'success');
    expect(a.info?.heldForMs).toBe(0);
    expect(rig.alerts).toContainEqual({ alert: 'hold_ended', scope: 'provider', cause: 'success' });
    expect(a.take()).toMatch(/^k/);
  });

  test('holders hear that the hold goes on, as long as it does', () => {
    const { rig, a } = held();
    let heldUntilMs = 0;
    let seen = 0;
    for (let at = 0; at < 600; at += 1) {
      for (const { pool } of a.frames.slice(seen)) {
        if (pool !== undefined) heldUntilMs = rig.nowMs + pool.heldForMs;
      }
      seen = a.frames.length;
      expect(heldUntilMs).toBeGreaterThan(rig.nowMs);
      rig.advance(100, 100);
    }
  });

  test('a probe whose key was rotated meanwhile still tells of the provider', () => {
    const { rig, a } = held();
    rig.advance(2_050);
    const probe = a.ask();
    const id = keyOf(probe);
    const grant = a.probeOf(probe);
    rig.change([...rig.pool.keys.keys()].filter((other) => other !== id).map((other) => record(other)));
    rig.reportProbe(grant, 'success');
    expect(a.info?.heldForMs).toBe(0);
  });

  test('a probe that failed makes the next one wait for longer', () => {
    const { rig, a } = held();
    rig.advance(2_050);
    rig.reportProbe(a.probeOf(a.ask()), 'rate_limited');
    rig.advance(3_000);
    expect(a.ask()).toMatchObject({ denial: { scope: 'held' } });
    expect(rig.alerts.filter(({ alert }) => alert === 'hold')).toHaveLength(1);
    rig.advance(1_050);
    expect(a.probeOf(a.ask())).toBeDefined();
  });
});

test('a key that could be probed is no hindrance where all its slots are taken', () => {
  const rig = new Rig([record('k0', { terms: { slots: 1 } }), record('k1')]);
  const a = rig.holder('a');
  expect(a.take({ wish: 'k0' })).toBe('k0');
  rig.report('k0', 'rate_limited', { retryAfterMs: 1_000 });
  rig.advance(1_010);
  expect([a.take(), a.take()]).toEqual(['k1', 'k1']);
  expect(rig.key('k0').state.probe).toBeUndefined();
});
