import { describe, expect, test } from 'vitest';
import { NEW_PROXY_HEALTH } from '../proxy-health.ts';
import { routeOf } from './pool-choice.ts';
import { binding, proxy, record, Rig } from './pool-rig.ts';
import { setPoolProxies, tellProxy } from './pool-verdicts.ts';

const strict = { allowDirect: false };

function fail(rig: Rig, id: string): void {
  for (let at = 0; at < 3; at += 1)
    tellProxy(rig.pool, id, { type: 'check', ok: false, message: 'refused' }, rig.nowMs);
  rig.settle();
}

describe('the way of a key', () => {
  test('is its binding of the first priority that can be used, and the next one when that fails', () => {
    const rig = new Rig([record('k0', { bindings: [binding('p', 2), binding('q', 1)] })], {
      proxies: [proxy('p'), proxy('q')],
      config: strict,
    });
    const a = rig.holder('a');
    a.take();
    const route = (): unknown => a.keys.get('k0')?.access?.route;
    expect(route()).toEqual({ via: 'proxy', proxyId: 'q' });
    fail(rig, 'q');
    expect(route()).toEqual({ via: 'proxy', proxyId: 'p' });
    expect(rig.alerts).toEqual([{ alert: 'proxy_dead', proxyId: 'q', message: 'refused' }]);
    expect(rig.outputs.filter(({ kind }) => kind === 'proxy_health')).toHaveLength(3);
    rig.nowMs += rig.pool.config.proxyHealth.cooldownMs;
    tellProxy(rig.pool, 'q', { type: 'check', ok: true }, rig.nowMs);
    rig.settle();
    expect(rig.alerts.at(-1)).toMatchObject({ alert: 'proxy_recovered', proxyId: 'q' });
  });

  test('without bindings is any usable one, in turn', () => {
    const rig = new Rig([record('k0')], { proxies: [proxy('p'), proxy('q'), proxy('r', { isActive: false })] });
    const a = rig.holder('a');
    a.take();
    expect(a.keys.get('k0')?.access?.route).toEqual({ via: 'any' });
    const first = a.frames.find(({ proxies }) => proxies.length > 0);
    expect(first?.proxies.map(({ address, usable }) => [address.id, usable])).toEqual([
      ['p', true],
      ['q', true],
      ['r', false],
    ]);
    const ways = Array.from({ length: 4 }, () => routeOf(rig.pool, rig.key('k0')));
    expect(ways.map((way) => (way?.via === 'proxy' ? way.proxyId : way))).toEqual(['p', 'q', 'p', 'q']);
  });

  test('is kept where it may be, however often the keys are read', () => {
    const off = { ...binding('p'), isActive: false };
    const keys = Array.from({ length: 3 }, (_, at) => record(`k${at}`, { bindings: [off] }));
    const rig = new Rig(keys, { proxies: [proxy('p'), proxy('q'), proxy('r')] });
    const ways = (): unknown => [...rig.pool.keys.values()].map(({ route }) => route);
    const before = ways();
    expect(before).toEqual(['q', 'r', 'q'].map((proxyId) => ({ via: 'proxy', proxyId })));
    const a = rig.holder('a');
    const frames = a.frames.length;
    rig.change(keys);
    expect([ways(), a.frames.length]).toEqual([before, frames]);
    fail(rig, 'q');
    expect(ways()).toEqual(['r', 'r', 'r'].map((proxyId) => ({ via: 'proxy', proxyId })));
  });

  test('is none where no proxy can be used and direct connections are not allowed', () => {
    const rig = new Rig([record('k0', { bindings: [binding('p')] }), record('k1')], {
      proxies: [proxy('p')],
      config: strict,
    });
    const a = rig.holder('a');
    fail(rig, 'p');
    expect([...a.keys.values()].map(({ usable }) => usable)).toEqual([false, false]);
    expect(a.ask()).toMatchObject({ state: 'denied', denial: { scope: 'no_proxy', retryAfterMs: 300_000 } });
    rig.nowMs += rig.pool.config.proxyHealth.cooldownMs;
    tellProxy(rig.pool, 'p', { type: 'check', ok: true }, rig.nowMs);
    rig.settle();
    rig.reconnect(a);
    expect(a.take()).toMatch(/^k/);
  });
});

describe('the proxies that are stored', () => {
  test('come, change and go', () => {
    const rig = new Rig([record('k0')], { proxies: [proxy('p')], config: strict });
    const a = rig.holder('a');
    const moved = proxy('p', { address: { id: 'p', type: 'socks5', host: 'elsewhere', port: 2 } });
    setPoolProxies(rig.pool, [moved, proxy('q')], rig.nowMs);
    rig.settle();
    expect(a.frames.at(-1)?.proxies).toEqual([
      { address: moved.address, usable: false },
      { address: proxy('q').address, usable: true },
    ]);
    // it has to be checked again
    expect(rig.pool.proxies.health('p')).toEqual(NEW_PROXY_HEALTH);
    const { length } = a.frames;
    setPoolProxies(rig.pool, [moved, proxy('q')], rig.nowMs);
    rig.settle();
    expect(a.frames).toHaveLength(length);
    setPoolProxies(rig.pool, [], rig.nowMs);
    rig.settle();
    expect(a.frames.at(-1)).toMatchObject({ goneProxies: ['p', 'q'], keys: [{ keyId: 'k0', usable: false }] });
  });
});

describe('what leases tell of a proxy', () => {
  const keys = Array.from({ length: 6 }, (_, at) => record(`k${at}`, { bindings: [binding('p', 1), binding('q', 2)] }));

  test('failures of the same moment are one, and the key is innocent', () => {
    const rig = new Rig(keys, { proxies: [proxy('p'), proxy('q')] });
    for (let at = 0; at < 5; at += 1) rig.report('k0', 'proxy_error', { proxyId: 'p' });
    expect(rig.pool.proxies.standing('p')).toBe('shaky');
    expect(rig.key('k0').state.lastError).toBeUndefined();
    for (let at = 0; at < 2; at += 1) {
      rig.nowMs += 1_000;
      rig.report('k1', 'proxy_error', { proxyId: 'p' });
    }
    expect(rig.pool.proxies.standing('p')).toBe('unusable');
    expect([...rig.pool.keys.values()].map(({ route }) => route)).toEqual(
      keys.map(() => ({ via: 'proxy', proxyId: 'q' })),
    );
  });

  test('keys that fail alike through it: it is held, they go another way, and a probe through it ends that', () => {
    const rig = new Rig(keys, { proxies: [proxy('p'), proxy('q')] });
    const a = rig.holder('a');
    rig.report('k5', 'success', { proxyId: 'q' });
    for (const id of ['k0', 'k1', 'k2']) rig.report(id, 'unattributed_403', { proxyId: 'p' });
    expect(rig.alerts).toContainEqual({ alert: 'hold', scope: 'proxy p', cause: 'refused' });
    expect(a.take()).toMatch(/^k/);
    expect(rig.key('k0').route).toEqual({ via: 'proxy', proxyId: 'q' });
    expect(rig.key('k0').state.inARow.failures).toBe(0);
    rig.advance(2_050);
    expect(a.info?.probeWanted).toBe(true);
    const probe = a.probeOf(a.ask());
    expect(probe?.access.route).toEqual({ via: 'proxy', proxyId: 'p' });
    expect(a.probeOf(a.ask())).toBeUndefined();
    rig.reportProbe(probe, 'success');
    expect(rig.key('k0').route).toEqual({ via: 'proxy', proxyId: 'p' });
  });

  test('a way that nothing can probe costs one look in a while', () => {
    const rig = new Rig([...keys.slice(0, 3), record('k9', { bindings: [binding('q')] })], {
      proxies: [proxy('p'), proxy('q')],
    });
    const a = rig.holder('a');
    rig.report('k9', 'success', { proxyId: 'q' });
    for (const id of ['k0', 'k1', 'k2']) rig.report(id, 'unattributed_403', { proxyId: 'p' });
    rig.change([record('k9', { bindings: [binding('q')] })]);
    rig.advance(2_050);
    expect([a.take(), a.take()]).toEqual(['k9', 'k9']);
    expect(rig.pool.nextPathProbeMs).toBeGreaterThan(rig.nowMs);
  });
});

test('the way without a proxy is held, and probed only with keys that have no other', () => {
  const off = { ...binding('p'), isActive: false };
  const direct = Array.from({ length: 4 }, (_, at) => record(`k${at}`, { bindings: [off] }));
  const rig = new Rig([record('bound', { bindings: [binding('p')] }), ...direct], { proxies: [proxy('p')] });
  const a = rig.holder('a');
  expect(rig.key('k0').route).toEqual({ via: 'direct' });
  rig.report('k0', 'connection');
  rig.report('bound', 'success', { proxyId: 'p' });
  for (const id of ['k1', 'k2']) rig.report(id, 'connection');
  expect(rig.alerts).toContainEqual({ alert: 'hold', scope: 'direct', cause: 'failing' });
  expect(a.keys.get('k3')?.usable).toBe(false);
  rig.advance(2_050);
  const probe = a.probeOf(a.ask({ wish: 'bound' }));
  expect(probe).toMatchObject({ keyId: 'k0', access: { route: { via: 'direct' } } });
  rig.reportProbe(probe, 'success');
  expect(a.keys.get('k3')?.usable).toBe(true);
});
