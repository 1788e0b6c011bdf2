import { expect, test } from 'vitest';
import { mongoUrlWithDatabase } from './mongo-url.ts';

test.each([
  ['mongodb://127.0.0.1:7017', 'mongodb://127.0.0.1:7017/db'],
  ['mongodb://127.0.0.1:7017/', 'mongodb://127.0.0.1:7017/db'],
  ['mongodb://127.0.0.1:7017/?directConnection=true', 'mongodb://127.0.0.1:7017/db?directConnection=true'],
  ['mongodb://a:1,b:2/other?replicaSet=rs0', 'mongodb://a:1,b:2/db?replicaSet=rs0'],
  ['mongodb+srv://cluster.example', 'mongodb+srv://cluster.example/db'],
  ['mongodb://user:word@a/users', 'mongodb://user:word@a/db?authSource=users'],
  ['mongodb://user:word@a/users?authSource=admin', 'mongodb://user:word@a/db?authSource=admin'],
])('%s names the other database', (url, expected) => {
  expect(mongoUrlWithDatabase(url, 'db')).toBe(expected);
});

test('what is no MongoDB address is refused', () => {
  expect(() => mongoUrlWithDatabase('http://127.0.0.1', 'db')).toThrow('must begin with mongodb://');
});
