import fc from 'fast-check';
import { expect, test } from 'vitest';
import { availability } from './key-availability.ts';
import type { KeyEvent, OutcomeCause } from './key-event.ts';
import { NEW_KEY_STATE, type EndpointName, type KeyState } from './key-state.ts';
import { KEY_STATE_DEFAULTS } from './key-state-config.ts';
import { transition } from './key-transition.ts';
import { outcomeKinds } from './outcome-kind.ts';

interface Lease {
  readonly generation: bigint;
  readonly endpoint: EndpointName;
  readonly isProbe: boolean;
  readonly endsMs: number;
}

const actor = 'ann';
const isCause = (word: string): word is OutcomeCause => Object.hasOwn(outcomeKinds, word);
const causes = fc.constantFrom(...Object.keys(outcomeKinds).filter(isCause));
const operator = fc.constantFrom<KeyEvent>(
  { type: 'enable', actor },
  { type: 'disable', actor },
  { type: 'pause', actor },
  { type: 'edit', actor, enableFailover: true },
  { type: 'edit', actor, enableFailover: false },
  { type: 'reset', actor },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('lease' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      pick: fc.nat(),
      cause: causes,
      guilty: fc.constantFrom('key', 'proxy', 'provider'),
      retryAfterMs: fc.option(fc.nat({ max: 100_000 }), { nil: undefined }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('operate' as const), event: operator }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('start a probe' as const) }) },
);

test('never leased when disabled or cooling, one probe at most, generations only rise, the old is void, no cooldown shrinks', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, jitter) => {
      let key: KeyState = NEW_KEY_STATE;
      let nowMs = 0;
      let leases: Lease[] = [];
      const apply = (event: KeyEvent): void => {
        const before = key;
        const context = { config: KEY_STATE_DEFAULTS, nowMs, jitter, backupKeyAvailable: false, backupEndpoint: true };
        const { key: after, effects } = transition(before, event, context);
        expect(after.generation).toBeGreaterThanOrEqual(before.generation);
        if (after.status !== before.status) expect(after.generation).toBeGreaterThan(before.generation);
        if (after.generation > before.generation) expect(effects.some(({ type }) => type === 'push')).toBe(true);
        if (event.type === 'outcome' && event.generation !== before.generation) expect(after).toBe(before);
        // while it cools down, only an operator or a move to another endpoint ends it earlier
        const isCooling = (before.cooldownUntilMs ?? 0) > nowMs;
        if (isCooling && event.type !== 'reset' && after.endpoint === before.endpoint) {
          expect(after.cooldownUntilMs ?? 0).toBeGreaterThanOrEqual(before.cooldownUntilMs ?? 0);
        }
        key = after;
      };
      for (const now of steps) {
        if (now.do === 'wait') {
          nowMs += now.ms;
          leases = leases.filter(({ isProbe, endsMs }) => !isProbe || endsMs > nowMs);
          apply({ type: 'tick' });
        }
        if (now.do === 'operate') {
          if (now.event.type === 'reset') leases = leases.map((lease) => ({ ...lease, isProbe: false }));
          apply(now.event);
        }
        if (now.do === 'start a probe' || now.do === 'lease') {
          const may = availability(key, nowMs);
          if (!key.enabled || key.paused || (key.cooldownUntilMs ?? 0) > nowMs) expect(may.lease).toBe('none');
          const before = key;
          const probes = may.lease === 'probe' || (may.lease === 'any' && may.returnProbe);
          if (now.do === 'start a probe' || probes) apply({ type: 'probe_started' });
          expect(key !== before).toBe(probes);
          if (may.lease !== 'none') {
            const endpoint = probes ? (key.probe?.endpoint ?? may.endpoint) : may.endpoint;
            const endsMs = nowMs + KEY_STATE_DEFAULTS.probeTtlMs;
            leases.push({ generation: key.generation, endpoint, isProbe: probes, endsMs });
          }
          expect(leases.filter(({ isProbe }) => isProbe).length).toBeLessThanOrEqual(1);
        }
        const lease = now.do === 'report' ? leases[now.pick % Math.max(1, leases.length)] : undefined;
        if (now.do === 'report' && lease !== undefined) {
          const { cause, guilty, retryAfterMs } = now;
          if (lease.isProbe) leases = leases.filter((other) => other !== lease);
          apply({
            type: 'outcome',
            cause,
            generation: lease.generation,
            endpoint: lease.endpoint,
            ...(guilty === 'key' || cause === 'success'
              ? {}
              : { attributedTo: guilty === 'proxy' ? 'proxy' : 'provider' }),
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          });
        }
      }
    }),
    { numRuns: 500 },
  );
});
