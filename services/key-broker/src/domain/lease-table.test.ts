import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeaseTable, type Denial, type Lease, type LeaseRequest } from './lease-table.ts';
import type { UpstreamKey } from './upstream-key.ts';

const TTL_MS = 1_000;

function key(id: string, change: Partial<UpstreamKey> = {}): UpstreamKey {
  return {
    id,
    secret: `secret-${id}`,
    status: 'healthy',
    enabled: true,
    cooldownUntilMs: undefined,
    allowedModels: undefined,
    slots: 2,
    generation: 1n,
    ...change,
  };
}

function makeTable(keys: readonly UpstreamKey[]): { readonly table: LeaseTable; readonly request: LeaseRequest } {
  const table = new LeaseTable();
  table.setKeys(keys);
  let last = 0;
  return { table, request: { model: 'm', holder: 'h', ttlMs: TTL_MS, makeId: () => `lease-${(last += 1)}` } };
}

const keyIdOf = (outcome: Lease | Denial): string => ('key' in outcome ? outcome.key.id : outcome.reason);

describe('leases', () => {
  test('go round the keys in order', () => {
    const { table, request } = makeTable([key('a'), key('b'), key('c')]);
    expect(Array.from({ length: 6 }, () => keyIdOf(table.acquire(request, 0)))).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('are refused with the time of the next chance when nothing fits', () => {
    const cooling = makeTable([
      key('a', { cooldownUntilMs: 700 }),
      key('b', { cooldownUntilMs: 500 }),
      key('c', { enabled: false }),
    ]);
    expect(cooling.table.acquire(cooling.request, 100)).toEqual({ reason: 'none_available', retryAfterMs: 400 });
    const busy = makeTable([key('a', { slots: 1 })]);
    busy.table.acquire(busy.request, 0);
    expect(busy.table.acquire(busy.request, 0)).toMatchObject({ reason: 'slots' });
  });

  test.each([
    ['disabled', { enabled: false }],
    ['cooling down', { cooldownUntilMs: 10_000 }],
    ['exhausted', { status: 'exhausted' as const }],
    ['for other models only', { allowedModels: ['other'] }],
  ])('are never of a key that is %s', (_, change) => {
    const { table, request } = makeTable([key('a', change), key('b', { slots: 100 })]);
    expect(new Set(Array.from({ length: 20 }, () => keyIdOf(table.acquire(request, 0))))).toEqual(new Set(['b']));
  });

  test('whatever is asked in whatever order, no key has more slots out than it has, and no slot is lost for longer than a ttl', () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant('acquire' as const) }),
      fc.record({ do: fc.constantFrom('release' as const, 'renew' as const), pick: fc.nat() }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: TTL_MS }) }),
      fc.record({ do: fc.constant('keys' as const), count: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const keys = ['a', 'b', 'c', 'd'].map((id) => key(id));
        const { table, request } = makeTable(keys);
        const out = new Map<string, Lease>();
        let nowMs = 0;
        for (const step of commands) {
          if (step.do === 'wait') nowMs += step.ms;
          if (step.do === 'keys') table.setKeys(keys.slice(0, step.count));
          for (const [id, lease] of out) if (lease.expiresAtMs <= nowMs) out.delete(id);
          if (step.do === 'acquire') {
            const outcome = table.acquire(request, nowMs);
            if ('key' in outcome) out.set(outcome.id, outcome);
            else
              expect(
                table.keys.every(({ id }) => [...out.values()].filter((lease) => lease.key.id === id).length === 2),
              ).toBe(true);
          }
          const picked = 'pick' in step ? [...out.values()][step.pick % Math.max(out.size, 1)] : undefined;
          if (step.do === 'release' && picked !== undefined) {
            table.release(picked.id);
            table.release(picked.id);
            out.delete(picked.id);
          }
          if (step.do === 'renew' && picked !== undefined) {
            const isThere = table.keys.some(({ id }) => id === picked.key.id);
            expect(table.renew(picked.id, TTL_MS, nowMs)).toBe(isThere);
            if (isThere) out.set(picked.id, { ...picked, expiresAtMs: nowMs + TTL_MS });
          }
          table.expire(nowMs);
          expect(table.slotsInUse).toBe(out.size);
        }
      }),
    );
  });
});
