import { keyBrokerV1 } from '@omg/proto-gen';
import { expect, test } from 'vitest';
import { parseProxies } from './parse-proxies.ts';

const { ProxyType } = keyBrokerV1;

test.each([
  ['http://10.0.0.9:3128', '', { type: ProxyType.HTTP, host: '10.0.0.9', port: 3_128 }],
  ['http://proxy.example', '', { type: ProxyType.HTTP, host: 'proxy.example', port: 80 }],
  ['https://proxy.example/', '', { type: ProxyType.HTTPS, port: 443 }],
  ['p-1 | socks5://me:p%40%7C@[::1]', 'p-1', { host: '::1', port: 1_080, username: 'me', password: 'p@|' }],
  ['{"id":"p-2","url":"http://h:1","isActive":false}', 'p-2', { host: 'h', port: 1, active: false }],
  [
    '{"type":"socks5","host":"h","port":9,"username":"me","password":"s|p"}',
    '',
    { type: ProxyType.SOCKS5, host: 'h', port: 9, username: 'me', password: 's|p' },
  ],
])('%s is a proxy', (line, proxyId, fields) => {
  expect(parseProxies(line)).toMatchObject({ refusals: [], entries: [{ item: { proxyId, fields } }] });
});

test.each([
  ['10.0.0.9:3128', 'a URL is expected: http, https, socks5, then ://host:port'],
  ['socks4://10.0.0.9:3128', 'a URL is expected: http, https, socks5, then ://host:port'],
  ['http://10.0.0.9:3128/path', 'nothing may follow the port of its URL'],
  ['http://me:100%@10.0.0.9:3128', 'a % in its user name or password is written %25'],
  ['{"type":"ftp","host":"h","port":9}', 'type must be one of http, https, socks5'],
  ['{"type":"http","host":"h","port":70000}', 'port must be a whole number'],
])('%s is refused in a sentence', (line, reason) => {
  expect(parseProxies(line).refusals).toMatchObject([{ number: 1, reason }]);
});

test('two without ids have different addresses, two with the same id are refused', () => {
  const { refusals } = parseProxies('http://h:1\nhttp://h:2\nhttp://h:1\np|http://h:1\np|http://h:9');
  expect(refusals).toMatchObject([
    { number: 3, reason: 'it has the address of line 1' },
    { number: 5, reason: 'it has the id of line 4' },
  ]);
});
