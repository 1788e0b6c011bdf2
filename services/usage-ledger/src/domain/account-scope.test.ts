import { describe, expect, test } from 'vitest';
import { parseScopeName, scopeName, type AccountScope } from './account-scope.ts';

const scopes: readonly AccountScope[] = [
  { kind: 'rate', of: 'key', id: 'acme-ci', site: 'ohmygpt' },
  { kind: 'rate', of: 'tenant', id: 'acme', site: 'ohmygpt' },
  { kind: 'credit', of: 'tenant', id: 'service:batch' },
  { kind: 'budget', of: 'key', id: 'acme-ci', bucket: 'month/America/Argentina/Buenos_Aires/2026-11-01' },
  { kind: 'budget', of: 'tenant', id: 'acme', bucket: 'rolling-30/Etc/GMT+1' },
];

describe('the name of a scope', () => {
  test.each(scopes)('is read back as it was made: %j', (scope) => {
    expect(parseScopeName(scopeName(scope))).toEqual(scope);
  });

  test('is another one for each scope', () => {
    expect(new Set(scopes.map(scopeName)).size).toBe(scopes.length);
  });

  test.each([
    '',
    'rate',
    'rate|key|k',
    'rate|key|k|',
    'credit|key|k',
    'credit|tenant|t|more',
    'rate|no|k|s',
    'x|key|k|s',
    'rate|key|k|s|t',
  ])('%j is none', (name) => {
    expect(parseScopeName(name)).toBeUndefined();
  });
});
