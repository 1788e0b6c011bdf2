import { describe, expect, test } from 'vitest';
import { KeyDirectory, type DirectoryUpdate, type KeyAccess, type KeyEntry, type ProxyEntry } from './key-directory.ts';

const urls = { openai: 'https://up/o', anthropic: 'https://up/a' };
const access = (changes: Partial<KeyAccess> = {}): KeyAccess => ({
  secret: 'secret',
  endpointName: 'primary',
  urls,
  http2: false,
  route: { via: 'direct' },
  ...changes,
});
const key = (keyId: string, changes: Partial<KeyEntry> = {}): KeyEntry => ({
  keyId,
  generation: 1n,
  usable: true,
  allowedModels: new Set(),
  deniedModels: new Set(),
  limitsRequests: false,
  limitsTokens: false,
  access: undefined,
  ...changes,
});
const proxy = (id: string, usable = true): ProxyEntry => ({
  address: { id, type: 'http', host: 'p', port: 1 },
  usable,
});
const update = (changes: Partial<DirectoryUpdate>): DirectoryUpdate => ({
  keys: [],
  goneKeys: [],
  proxies: [],
  goneProxies: [],
  snapshot: false,
  ...changes,
});
const any = (): boolean => true;

function directory(...updates: Partial<DirectoryUpdate>[]): KeyDirectory {
  const made = new KeyDirectory();
  for (const changes of updates) made.apply(update(changes));
  return made;
}
const order = (from: KeyDirectory, count: number): (string | undefined)[] =>
  Array.from({ length: count }, () => from.next(any)?.keyId);

describe('the keys in turn', () => {
  test('are those that are usable, whoever comes and goes', () => {
    const known = directory({ keys: [key('a'), key('b', { usable: false }), key('c')] });
    expect(order(known, 3)).toEqual(['a', 'c', 'a']);
    known.apply(update({ keys: [key('b')], goneKeys: ['c'] }));
    expect(order(known, 3)).toEqual(['a', 'b', 'a']);
    known.apply(update({ keys: [key('a', { usable: false })] }));
    expect(order(known, 2)).toEqual(['b', 'b']);
    expect([known.size, known.usableKeys]).toEqual([2, 1]);
  });

  test('after a snapshot are those that it names', () => {
    const known = directory({ keys: [key('a'), key('b')] }, { snapshot: true, keys: [key('b'), key('c')] });
    expect(new Set(order(known, 4))).toEqual(new Set(['b', 'c']));
    expect(known.get('a')).toBeUndefined();
  });

  test('leave out those that do not fit', () => {
    const known = directory({ keys: [key('a'), key('b')] });
    expect(known.next(({ keyId }) => keyId === 'b')?.keyId).toBe('b');
    expect(known.next(() => false)).toBeUndefined();
  });
});

test('access stays with its generation and is not taken for that of another one', () => {
  const known = directory({ keys: [key('a', { access: access() })] }, { keys: [key('a', { usable: false })] });
  expect(known.get('a')).toMatchObject({ usable: false, access: { secret: 'secret' } });
  known.apply(update({ keys: [key('a', { generation: 2n })] }));
  expect(known.get('a')?.access).toBeUndefined();
});

describe('the way', () => {
  test('of a key without a proxy of its own goes through the usable ones in turn', () => {
    const known = directory({ proxies: [proxy('p'), proxy('q', false), proxy('r')] });
    const ways = Array.from({ length: 4 }, () => known.takeRoute({ via: 'any' }));
    expect(ways.map((way) => (typeof way === 'object' ? way.id : way))).toEqual(['r', 'p', 'r', 'p']);
    known.apply(update({ goneProxies: ['p'], proxies: [proxy('r', false)] }));
    expect(known.takeRoute({ via: 'any' })).toBe('none');
  });

  test('of a key with a proxy of its own goes through that one, or nowhere', () => {
    const known = directory({ proxies: [proxy('p', false)] });
    expect(known.takeRoute({ via: 'proxy', proxyId: 'p' })).toMatchObject({ id: 'p' });
    known.apply(update({ snapshot: true }));
    expect(known.takeRoute({ via: 'proxy', proxyId: 'p' })).toBe('none');
    expect(known.takeRoute({ via: 'direct' })).toBeUndefined();
  });

  test('is what is lacking where a usable key has none', () => {
    const known = directory({ keys: [key('a', { access: access({ route: { via: 'any' } }) })] });
    expect([known.hasRoute(key('a')), known.lacksOnlyRoute(any)]).toEqual([true, true]);
    known.apply(update({ proxies: [proxy('p')] }));
    expect(known.lacksOnlyRoute(any)).toBe(false);
  });
});

test('a request takes what its key limits, and of a key that is not chosen yet what any key limits', () => {
  const limited = key('a', { limitsRequests: true, limitsTokens: true });
  const known = directory({ keys: [key('b'), limited] });
  expect(known.needOf(key('b'), 500)).toEqual({ slots: 1 });
  expect(known.needOf(limited, 500)).toEqual({ slots: 1, requests: 1, tokens: 500 });
  expect(known.needOfAny(500)).toEqual({ slots: 1, requests: 1, tokens: 500 });
  known.apply(update({ keys: [key('a')] }));
  expect(known.needOfAny(500)).toEqual({ slots: 1 });
});
