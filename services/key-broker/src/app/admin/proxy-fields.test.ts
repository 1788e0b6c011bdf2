import { describe, expect, test } from 'vitest';
import { proxyIdOf, toNewProxy, type ProxyFields } from './proxy-fields.ts';

const fields: ProxyFields = { type: 'http', host: 'proxy.example', port: 3128 };

describe('a proxy', () => {
  test('is called by what it is where nothing else is said', () => {
    const id = proxyIdOf(fields);
    expect(id).toBe('http-proxy.example-3128');
    expect(toNewProxy(id, fields)).toEqual({
      id,
      name: id,
      type: 'http',
      host: 'proxy.example',
      port: 3128,
      isActive: true,
    });
  });

  test.each(['10.0.0.1', '::1', '2001:db8::1', 'proxy', 'a-b.example.', 'my_proxy.local'])('may be at %s', (host) => {
    expect(toNewProxy('p', { ...fields, host })).toMatchObject({ host });
  });

  test.each<readonly [string, ProxyFields, string]>([
    ['has a scheme', { host: 'http://proxy.example' }, 'host'],
    ['has its port in the host', { host: 'proxy.example:3128' }, 'host'],
    ['has a path', { host: 'proxy.example/x' }, 'host'],
    ['has brackets', { host: '[::1]' }, 'host'],
    ['has an empty host', { host: '' }, 'host'],
    ['has a host with a space', { host: 'a b' }, 'host'],
    ['has no host', { host: undefined }, 'host is missing'],
    ['has no type', { type: undefined }, 'type is missing'],
    ['has no port', { port: undefined }, 'port is missing'],
    ['has port 0', { port: 0 }, 'port'],
    ['has port 65536', { port: 65_536 }, 'port'],
    ['has a password alone', { password: 'hidden-one' }, 'without a user name'],
    ['has a colon in the user name', { username: 'a:b' }, 'colon'],
    ['has a line break in the password', { username: 'a', password: 'hidden\r\none' }, 'password'],
    ['has a password that is too long for SOCKS', { username: 'a', password: 'hidden'.repeat(50) }, 'password'],
  ])('that %s is refused, and the fault is named without its password', (_, change, words) => {
    const made = toNewProxy('p', { ...fields, ...change });
    const fault = 'fault' in made ? made.fault : '';
    expect(fault).toContain(words);
    expect(fault).not.toContain('hidden');
  });
});
