import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseProxy, type ProxyBinding, type ProxyCandidate, type ProxyQuestion } from './proxy-choice.ts';

const proxy = (id: string, standing: ProxyCandidate['standing'] = 'healthy'): ProxyCandidate => ({ id, standing });
const bind = (proxyId: string, priority: number, isActive = true): ProxyBinding => ({ proxyId, priority, isActive });
const ask = (change: Partial<ProxyQuestion>): ReturnType<typeof chooseProxy> =>
  chooseProxy({ bindings: [], proxies: [], policy: 'allowed', allowDirect: false, lastProxyId: undefined, ...change });
const via = (proxyId: string): object => ({ via: 'proxy', proxyId });

describe('a bound key', () => {
  const bindings = [bind('b', 2), bind('a', 1), bind('c', 10)];

  test('takes its healthy proxy of the first priority, a shaky one only where none is healthy', () => {
    expect(ask({ bindings, proxies: ['a', 'b', 'c'].map((id) => proxy(id)) })).toEqual(via('a'));
    expect(ask({ bindings, proxies: [proxy('a', 'unusable'), proxy('b'), proxy('c')] })).toEqual(via('b'));
    expect(ask({ bindings, proxies: [proxy('a', 'shaky'), proxy('b', 'shaky'), proxy('c')] })).toEqual(via('c'));
    expect(ask({ bindings, proxies: [proxy('a', 'unusable'), proxy('b', 'shaky')] })).toEqual(via('b'));
    expect(ask({ bindings, proxies: [proxy('a', 'unusable'), proxy('b', 'unproven')] })).toEqual(via('b'));
  });

  test('takes none of another key, and no inactive binding', () => {
    const proxies = [proxy('a', 'unusable'), proxy('b', 'unusable'), proxy('x')];
    expect(ask({ bindings, proxies })).toEqual({ via: 'none', reason: 'bound_proxies_unusable' });
    expect(ask({ bindings: [bind('a', 1, false), bind('b', 2)], proxies: [proxy('a'), proxy('b')] })).toEqual(via('b'));
  });
});

describe('a key without bindings', () => {
  test('takes the healthy proxies of the pool in turn', () => {
    const proxies = [proxy('c'), proxy('a'), proxy('b', 'shaky'), proxy('d', 'unusable')];
    let lastProxyId: string | undefined;
    const got = Array.from({ length: 4 }, () => {
      const choice = ask({ proxies, lastProxyId });
      lastProxyId = choice.via === 'proxy' ? choice.proxyId : undefined;
      return lastProxyId;
    });
    expect(got).toEqual(['a', 'c', 'a', 'c']);
  });

  test('takes a shaky one where none is healthy, but none that was taken from it', () => {
    expect(ask({ proxies: [proxy('a', 'shaky'), proxy('b', 'unusable'), proxy('c', 'unproven')] })).toEqual(via('a'));
    const refused = { via: 'none', reason: 'no_usable_proxy' };
    expect(ask({ proxies: [proxy('a', 'unproven')] })).toEqual(refused);
    expect(ask({ bindings: [bind('a', 1, false)], proxies: [proxy('a')] })).toEqual(refused);
  });
});

test.each([
  ['allowed', true, { via: 'direct' }],
  ['allowed', false, { via: 'none', reason: 'no_proxy' }],
  ['required', true, { via: 'none', reason: 'no_proxy' }],
  ['required', false, { via: 'none', reason: 'no_proxy' }],
  ['none', false, { via: 'direct' }],
] as const)('without a proxy, where they are %s and allowDirect is %s: %j', (policy, allowDirect, choice) => {
  expect(ask({ policy, allowDirect })).toEqual(choice);
});

test('direct only where the configuration says so, a proxy only where it is usable, and one whenever there is one', () => {
  const standing = fc.constantFrom('healthy' as const, 'shaky' as const, 'unusable' as const);
  const id = fc.constantFrom('a', 'b', 'c', 'd');
  const question = fc.record({
    proxies: fc.uniqueArray(fc.record({ id, standing }), { selector: (one) => one.id }),
    bindings: fc.uniqueArray(
      fc.record({ proxyId: id, priority: fc.integer({ min: 1, max: 10 }), isActive: fc.boolean() }),
      { selector: (one) => one.proxyId },
    ),
    policy: fc.constantFrom('allowed' as const, 'required' as const, 'none' as const),
    allowDirect: fc.boolean(),
    lastProxyId: fc.option(id, { nil: undefined }),
  });
  fc.assert(
    fc.property(question, (asked) => {
      const choice = chooseProxy(asked);
      const { proxies, bindings, policy, allowDirect } = asked;
      const active = bindings.filter(({ isActive }) => isActive).map(({ proxyId }) => proxyId);
      const fits = proxies.filter(({ id: one, standing: how }) => {
        if (how === 'unusable') return false;
        return active.length > 0 ? active.includes(one) : bindings.every(({ proxyId }) => proxyId !== one);
      });
      if (policy === 'none') expect(choice.via).toBe('direct');
      else if (fits.length > 0) expect(fits.map((one) => one.id)).toContain(choice.via === 'proxy' && choice.proxyId);
      else expect(choice.via).toBe(policy === 'allowed' && allowDirect ? 'direct' : 'none');
    }),
  );
});
