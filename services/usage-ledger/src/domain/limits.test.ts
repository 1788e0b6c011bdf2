import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeLimitTerms, effectiveLimits, type EffectiveLimits, type LimitTerms, type Limits } from './limits.ts';

const defaults: EffectiveLimits = {
  clientKey: { requestsPerMinute: 1_000, tokensPerMinute: 1_000_000, parallel: 10 },
  tenant: { requestsPerMinute: 1_001, tokensPerMinute: 1_000_001, parallel: 100 },
};

const at = (site: string, clientKey: LimitTerms, tenant: LimitTerms = {}): EffectiveLimits =>
  effectiveLimits({ clientKey, tenant, defaults, site });

describe('the limits that count', () => {
  test('are the defaults for who says nothing', () => {
    expect(at('a', {})).toEqual(defaults);
    expect(at('a', { sites: [] }, { sites: [] })).toEqual(defaults);
  });

  test('are each the own one of the site, else the own one of every site, else the default', () => {
    const terms: LimitTerms = { requestsPerMinute: 5, parallel: 3, sites: [{ site: 'a', parallel: 1 }] };
    expect(at('a', terms).clientKey).toEqual({ requestsPerMinute: 5, tokensPerMinute: 1_000_000, parallel: 1 });
    expect(at('b', terms).clientKey).toEqual({ requestsPerMinute: 5, tokensPerMinute: 1_000_000, parallel: 3 });
  });

  test("of a key and of its tenant say nothing of each other's", () => {
    expect(at('a', { parallel: 1 })).toEqual({ ...defaults, clientKey: { ...defaults.clientKey, parallel: 1 } });
    expect(at('a', {}, { parallel: 1 })).toEqual({ ...defaults, tenant: { ...defaults.tenant, parallel: 1 } });
  });
});

describe('changing the terms', () => {
  const limit = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
  const limits = fc
    .record({ requestsPerMinute: limit, tokensPerMinute: limit, parallel: limit })
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
  const site = fc.constantFrom('a', 'b', 'c');
  const terms = fc.tuple(limits, fc.uniqueArray(site)).chain(([own, sites]) =>
    fc.tuple(...sites.map(() => limits)).map((each): LimitTerms => ({
      ...own,
      sites: sites.map((name, index) => ({ ...each[index], site: name })),
    })),
  );
  const names = ['requestsPerMinute', 'tokensPerMinute', 'parallel'] as const;

  test('for one site is seen there and nowhere else', () => {
    fc.assert(
      fc.property(
        terms,
        site,
        fc.constantFrom(...names),
        fc.integer({ min: 10, max: 99 }),
        (before, here, name, value) => {
          const after = changeLimitTerms(before, here, { [name]: value });
          for (const other of ['a', 'b', 'c']) {
            const expected: Limits =
              other === here ? { ...at(other, before).clientKey, [name]: value } : at(other, before).clientKey;
            expect(at(other, after).clientKey).toEqual(expected);
          }
        },
      ),
    );
  });

  test('for every site is seen where there is none of its own', () => {
    fc.assert(
      fc.property(terms, fc.constantFrom(...names), fc.integer({ min: 10, max: 99 }), (before, name, value) => {
        const after = changeLimitTerms(before, undefined, { [name]: value });
        for (const here of ['a', 'b', 'c', 'd']) {
          const own = before.sites?.find((entry) => entry.site === here)?.[name];
          expect(at(here, after).clientKey[name]).toBe(own ?? value);
        }
      }),
    );
  });

  test('a limit that is taken away is the next one down again', () => {
    const before: LimitTerms = { parallel: 3, sites: [{ site: 'a', parallel: 1 }] };
    expect(at('a', changeLimitTerms(before, 'a', { parallel: null })).clientKey.parallel).toBe(3);
    expect(at('b', changeLimitTerms(before, undefined, { parallel: null })).clientKey.parallel).toBe(10);
    expect(changeLimitTerms(before, 'a', { parallel: null }).sites).toEqual([]);
  });
});
