import { ConfigError, readConfig } from '@omg/config';
import { describe, expect, test } from 'vitest';
import type { ServiceGrants } from './app/service-grants.ts';
import { readServiceGrants } from './service-grants.ts';

const read = (text?: string): ServiceGrants =>
  readConfig({ SERVICE_GRANTS: text }, (reader) => readServiceGrants(reader, ['ohmygpt', 'openhands']));

function faultsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('grants', () => {
  test('are, unless something else is configured: routers lease, operators administer too, nobody else does anything', () => {
    const grants = read();
    const may = (service: string): readonly boolean[] => [
      grants.mayLease(service, 'ohmygpt'),
      grants.mayLease(service, 'openhands'),
      grants.mayAdminister(service),
    ];
    expect(may('router')).toEqual([true, true, false]);
    expect(may('operator')).toEqual([true, true, true]);
    for (const other of ['', 'console', 'Router', 'router2', '*', 'admin', 'constructor']) {
      expect(may(other)).toEqual([false, false, false]);
    }
  });

  test('are for the providers named, and administration is a grant of its own', () => {
    const grants = read('batch=openhands, console=admin, router=*');
    expect(grants.mayLease('batch', 'openhands')).toBe(true);
    expect(grants.mayLease('batch', 'ohmygpt')).toBe(false);
    expect(grants.mayLease('console', 'ohmygpt')).toBe(false);
    expect(grants.mayAdminister('console')).toBe(true);
    expect(grants.mayAdminister('batch')).toBe(false);
    expect(grants.mayAdminister('operator')).toBe(false);
  });

  test('of a provider that does not exist are given to nobody', () => {
    expect(read().mayLease('router', 'nobody')).toBe(false);
    expect(read().mayLease('operator', 'admin')).toBe(false);
  });

  test.each([
    ['router', 'name=grant'],
    ['router=', 'name=grant'],
    ['router=ohmygtp', '"ohmygtp"'],
    ['router=*+', '""'],
    ['router=*,router=admin', 'router twice'],
  ])('written as %j are refused at the start, and the fault is named', (text, words) => {
    expect(faultsOf(text).join('\n')).toContain(words);
  });
});
