import type { TransitionContext } from './key-change.ts';
import type { Outcome, OutcomeCause } from './key-event.ts';
import { NEW_KEY_STATE, NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';
import { KEY_STATE_DEFAULTS } from './key-state-config.ts';

// Keys in every state, for the tests of the transitions.
export const HOUR = 3_600_000;
export const NOW = 100 * HOUR;
export const context = (change: Partial<TransitionContext> = {}): TransitionContext => ({
  config: KEY_STATE_DEFAULTS,
  nowMs: NOW,
  jitter: 0,
  backupKeyAvailable: false,
  backupEndpoint: true,
  ...change,
});
export const key = (change: Partial<KeyState> = {}): KeyState => ({ ...NEW_KEY_STATE, generation: 7n, ...change });
export const probing = (change: Partial<KeyState>): KeyState =>
  key({
    cooldownUntilMs: NOW - 1,
    probe: { endpoint: change.endpoint ?? 'primary', generation: 7n, untilMs: NOW + 9 },
    ...change,
  });
export const outcome = (cause: OutcomeCause, change: Partial<Outcome> = {}): Outcome => ({
  type: 'outcome',
  cause,
  generation: 7n,
  endpoint: 'primary',
  model: 'm',
  ...change,
});

const cooling = { cooldownUntilMs: NOW + 10_000 };
const failover = { status: 'using_failover', endpoint: 'backup', enableFailover: true } as const;
export const states: Readonly<Record<string, { readonly key: KeyState; readonly endpoint: 'primary' | 'backup' }>> = {
  healthy: { key: key(), endpoint: 'primary' },
  'healthy, may fail over': { key: key({ enableFailover: true }), endpoint: 'primary' },
  'healthy, failed twice': { key: key({ inARow: { ...NOTHING_IN_A_ROW, failures: 2 } }), endpoint: 'primary' },
  'rate_limited, cooling': {
    key: key({ status: 'rate_limited', inARow: { ...NOTHING_IN_A_ROW, rateLimits: 1 }, ...cooling }),
    endpoint: 'primary',
  },
  'rate_limited, probing': { key: probing({ status: 'rate_limited' }), endpoint: 'primary' },
  'exhausted, cooling': {
    key: key({ status: 'exhausted', cooldownUntilMs: NOW + 20 * HOUR }),
    endpoint: 'primary',
  },
  'exhausted, probing': { key: probing({ status: 'exhausted' }), endpoint: 'primary' },
  'error, cooling': { key: key({ status: 'error', ...cooling }), endpoint: 'primary' },
  'error, probing': {
    key: probing({ status: 'error', inARow: { ...NOTHING_IN_A_ROW, failures: 3, errors: 1 } }),
    endpoint: 'primary',
  },
  using_failover: { key: key({ ...failover, primaryRetryAtMs: NOW + HOUR }), endpoint: 'backup' },
  'using_failover, rate_limited there, probing': {
    key: probing({ ...failover, status: 'rate_limited' }),
    endpoint: 'backup',
  },
  'using_failover, probing the primary endpoint': {
    key: probing({
      ...failover,
      cooldownUntilMs: undefined,
      primaryRetryAtMs: NOW - 1,
      probe: { endpoint: 'primary', generation: 7n, untilMs: NOW + 9 },
    }),
    endpoint: 'primary',
  },
  gone: { key: key({ status: 'gone' }), endpoint: 'primary' },
};
