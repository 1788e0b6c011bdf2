import { describe, expect, test } from 'vitest';
import type { Transition, TransitionContext } from './key-change.ts';
import type { KeyEvent, Outcome, OutcomeCause } from './key-event.ts';
import { NEW_KEY_STATE, NOTHING_IN_A_ROW, type KeyState } from './key-state.ts';
import { KEY_STATE_DEFAULTS } from './key-state-config.ts';
import { transition } from './key-transition.ts';
import { isModelDenied } from './key-availability.ts';
import { outcomeKinds } from './outcome-kind.ts';

const HOUR = 3_600_000;
const NOW = 100 * HOUR;
const context = (change: Partial<TransitionContext> = {}): TransitionContext => ({
  config: KEY_STATE_DEFAULTS,
  nowMs: NOW,
  jitter: 0,
  backupKeyAvailable: false,
  backupEndpoint: true,
  ...change,
});
const key = (change: Partial<KeyState> = {}): KeyState => ({ ...NEW_KEY_STATE, generation: 7n, ...change });
const probing = (change: Partial<KeyState>): KeyState =>
  key({
    cooldownUntilMs: NOW - 1,
    probe: { endpoint: change.endpoint ?? 'primary', generation: 7n, untilMs: NOW + 9 },
    ...change,
  });
const outcome = (cause: OutcomeCause, change: Partial<Outcome> = {}): Outcome => ({
  type: 'outcome',
  cause,
  generation: 7n,
  endpoint: 'primary',
  model: 'm',
  ...change,
});

const cooling = { cooldownUntilMs: NOW + 10_000 };
const failover = { status: 'using_failover', endpoint: 'backup', enableFailover: true } as const;
const states: Readonly<Record<string, { readonly key: KeyState; readonly endpoint: 'primary' | 'backup' }>> = {
  healthy: { key: key(), endpoint: 'primary' },
  'healthy, may fail over': { key: key({ enableFailover: true }), endpoint: 'primary' },
  'healthy, failed twice': { key: key({ inARow: { ...NOTHING_IN_A_ROW, failures: 2 } }), endpoint: 'primary' },
  'rate_limited, cooling': { key: key({ status: 'rate_limited', ...cooling }), endpoint: 'primary' },
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

const seconds = (atMs: number | undefined): string => (atMs === undefined ? '' : ` ${(atMs - NOW) / 1_000}s`);

/** What a transition did, in a word: `-` nothing; `#` a counted failure; else the state and how long it lasts. */
function describeTransition(before: KeyState, { key: after, effects }: Transition): string {
  if (after === before) return effects.length === 0 ? '-' : 'only effects';
  const probeEnded = before.probe !== undefined && after.probe === undefined ? '!' : '';
  const denied = isModelDenied(after, 'm', NOW) ? ' denied' : '';
  const rotate = effects.some(({ type }) => type === 'rotate') ? ' rotate' : '';
  if (after.status === before.status && after.cooldownUntilMs === before.cooldownUntilMs && rotate === '') {
    if (denied !== '' && probeEnded === '') return denied.trim();
    if (probeEnded === '') return after.generation === before.generation ? 'reset' : `#${after.inARow.failures}`;
  }
  const lasts = after.status === 'using_failover' ? after.primaryRetryAtMs : after.cooldownUntilMs;
  return `${after.status}${after.endpoint === 'backup' ? '@backup' : ''}${seconds(lasts)}${denied}${rotate}${probeEnded}`;
}

type Row = Readonly<Record<OutcomeCause, string>>;
const innocent = (word: string): Pick<Row, 'proxy_error' | 'request_fault' | 'cancelled'> => ({
  proxy_error: word,
  request_fault: word,
  cancelled: word,
});
const failing = (word: string): Pick<Row, 'unattributed_403' | 'upstream_error' | 'connection' | 'timeout'> => ({
  unattributed_403: word,
  upstream_error: word,
  connection: word,
  timeout: word,
});
const blocked = (word: string): Pick<Row, 'ban' | 'quota'> => ({ ban: word, quota: word });
const nothing: Row = {
  success: '-',
  rate_limited: '-',
  ...blocked('-'),
  auth: '-',
  model_denied: '-',
  ...failing('-'),
  ...innocent('-'),
};
const DAY = ' 86400s';

const expected: Readonly<Record<string, Row>> = {
  healthy: {
    ...nothing,
    rate_limited: 'rate_limited 2s',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('#1'),
  },
  'healthy, may fail over': {
    ...nothing,
    rate_limited: 'rate_limited 2s',
    ...blocked(`using_failover@backup${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('#1'),
  },
  'healthy, failed twice': {
    ...nothing,
    success: 'reset',
    rate_limited: 'rate_limited 2s',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('error 30s'),
  },
  'rate_limited, cooling': {
    ...nothing,
    // the later deadline stays
    rate_limited: '#0',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('#1'),
  },
  'rate_limited, probing': {
    success: 'healthy!',
    rate_limited: 'rate_limited 2s!',
    ...blocked(`exhausted${DAY}!`),
    auth: `exhausted${DAY}!`,
    model_denied: 'rate_limited 2s denied!',
    ...failing('rate_limited 2s!'),
    ...innocent('rate_limited 2s!'),
  },
  'exhausted, cooling': {
    ...nothing,
    rate_limited: '#0',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('#1'),
  },
  'exhausted, probing': {
    success: 'healthy!',
    rate_limited: 'rate_limited 2s!',
    ...blocked(`exhausted${DAY}!`),
    auth: `exhausted${DAY}!`,
    model_denied: 'exhausted 2s denied!',
    ...failing('exhausted 2s!'),
    ...innocent('exhausted 2s!'),
  },
  'error, cooling': {
    ...nothing,
    rate_limited: '#0',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('error 30s'),
  },
  'error, probing': {
    success: 'healthy!',
    rate_limited: 'rate_limited 2s!',
    ...blocked(`exhausted${DAY}!`),
    auth: `exhausted${DAY}!`,
    model_denied: 'error 2s denied!',
    ...failing('error 60s!'),
    ...innocent('error 2s!'),
  },
  using_failover: {
    ...nothing,
    rate_limited: 'rate_limited@backup 2s',
    ...blocked(`exhausted${DAY}`),
    auth: `exhausted${DAY}`,
    model_denied: 'denied',
    ...failing('#1'),
  },
  'using_failover, rate_limited there, probing': {
    success: 'using_failover@backup!',
    rate_limited: 'rate_limited@backup 2s!',
    ...blocked(`exhausted${DAY}!`),
    auth: `exhausted${DAY}!`,
    model_denied: 'rate_limited@backup 2s denied!',
    ...failing('rate_limited@backup 2s!'),
    ...innocent('rate_limited@backup 2s!'),
  },
  'using_failover, probing the primary endpoint': {
    success: 'healthy!',
    rate_limited: 'using_failover@backup 2s!',
    ...blocked(`using_failover@backup${DAY}!`),
    auth: `using_failover@backup${DAY}!`,
    model_denied: 'using_failover@backup 2s!',
    ...failing('using_failover@backup 2s!'),
    ...innocent('using_failover@backup 2s!'),
  },
  gone: nothing,
};

const isCause = (word: string): word is OutcomeCause => Object.hasOwn(outcomeKinds, word);
const cells = Object.entries(states).flatMap(([name, state]) =>
  Object.entries(expected[name] ?? {}).flatMap(([cause, word]) =>
    isCause(cause) ? [{ name, ...state, cause, word }] : [],
  ),
);

describe('every state under every cause', () => {
  test('is in the table', () => {
    expect(Object.keys(expected)).toEqual(Object.keys(states));
    expect(cells).toHaveLength(13 * 13);
  });

  test.each(cells)('$name, $cause: $word', ({ key: before, endpoint, cause, word }) => {
    const event = outcome(cause, { endpoint });
    expect(describeTransition(before, transition(before, event, context()))).toBe(word);
  });

  test.each(cells)(
    '$name, $cause: void when it is of an older or a later generation',
    ({ key: before, endpoint, cause }) => {
      for (const generation of [6n, 8n]) {
        const event = outcome(cause, { endpoint, generation });
        expect(transition(before, event, context()).key).toBe(before);
      }
    },
  );

  test.each(cells.filter(({ cause }) => cause !== 'success'))(
    '$name, $cause: innocent when something else is guilty',
    ({ key: before, endpoint, cause }) => {
      const event = outcome(cause, { endpoint, attributedTo: 'provider' });
      const as = outcome('cancelled', { endpoint });
      const word = describeTransition(before, transition(before, as, context()));
      expect(describeTransition(before, transition(before, event, context()))).toBe(word);
    },
  );
});

describe('a blocked key', () => {
  const causes = ['quota', 'ban', 'auth'] as const;

  test.each(causes)('is rotated after %s where a backup key is there, and cannot be leased meanwhile', (cause) => {
    const { key: after, effects } = transition(key(), outcome(cause), context({ backupKeyAvailable: true }));
    expect(after.status).toBe('exhausted');
    expect(effects).toContainEqual({ type: 'rotate', cause, actor: 'key-broker' });
  });

  test('says so when there is no backup key left', () => {
    const { effects } = transition(key(), outcome('auth'), context());
    expect(effects).toContainEqual({ type: 'alert', alert: 'no_backup_key' });
  });

  test('goes to the backup endpoint before it is rotated, and only where the provider has one', () => {
    const may = key({ enableFailover: true });
    const there = transition(may, outcome('quota'), context({ backupKeyAvailable: true }));
    expect(there.key).toMatchObject({ status: 'using_failover', endpoint: 'backup' });
    const at = context({ backupKeyAvailable: true, backupEndpoint: false });
    expect(transition(may, outcome('quota'), at).effects).toContainEqual(expect.objectContaining({ type: 'rotate' }));
    const again = outcome('quota', { generation: 8n, endpoint: 'backup' });
    expect(transition(there.key, again, context({ backupKeyAvailable: true })).effects).toContainEqual(
      expect.objectContaining({ type: 'rotate' }),
    );
  });
});

describe('cooldowns', () => {
  test('of 429 honour Retry-After within the cap, and double without it up to the maximum', () => {
    const asked = transition(key(), outcome('rate_limited', { retryAfterMs: 17_000 }), context({ jitter: 0.5 }));
    expect(asked.key.cooldownUntilMs).toBe(NOW + 17_000 * 1.1);
    const absurd = transition(key(), outcome('rate_limited', { retryAfterMs: 99 * HOUR }), context());
    expect(absurd.key.cooldownUntilMs).toBe(NOW + HOUR);
    const waits = [0, 1, 2, 3, 4, 5, 6, 60].map((rateLimits) => {
      const before = key({ inARow: { ...NOTHING_IN_A_ROW, rateLimits } });
      return (transition(before, outcome('rate_limited'), context()).key.cooldownUntilMs ?? 0) - NOW;
    });
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000));
  });

  test('of errors grow from 30 s to 5 min', () => {
    const waits = [0, 1, 2, 3, 4, 5].map((errors) => {
      const before = probing({ status: 'error', inARow: { ...NOTHING_IN_A_ROW, errors } });
      return (transition(before, outcome('timeout'), context()).key.cooldownUntilMs ?? 0) - NOW;
    });
    expect(waits).toEqual([30, 60, 120, 240, 300, 300].map((s) => s * 1_000));
  });

  test('are spread by jitter, never beyond the maximum', () => {
    const at = context({ jitter: 0.999 });
    const before = key({ inARow: { ...NOTHING_IN_A_ROW, rateLimits: 9 } });
    const wait = (transition(before, outcome('rate_limited'), at).key.cooldownUntilMs ?? 0) - NOW;
    expect(wait).toBeGreaterThan(60_000 * 0.8 - 1);
    expect(wait).toBeLessThan(60_000);
  });
});

test('twenty failures in flight when an incident begins are one', () => {
  let now = key();
  for (let i = 0; i < 20; i += 1) now = transition(now, outcome('upstream_error'), context()).key;
  expect(now).toMatchObject({ status: 'healthy', generation: 8n, inARow: { failures: 1 } });
});

test('consecutive means consecutive: a success between them, and the third failure is the first', () => {
  const causes = ['timeout', 'upstream_error', 'success', 'connection', 'timeout'] as const;
  let now = key();
  for (const cause of causes) now = transition(now, outcome(cause, { generation: now.generation }), context()).key;
  expect(now).toMatchObject({ status: 'healthy', inARow: { failures: 2 } });
  expect(transition(now, outcome('timeout', { generation: now.generation }), context()).key.status).toBe('error');
});

test('a model that is denied blocks nothing but that model of that key, for its time', () => {
  const { key: after } = transition(key(), outcome('model_denied'), context());
  expect(after.status).toBe('healthy');
  expect(isModelDenied(after, 'm', NOW + KEY_STATE_DEFAULTS.modelDeniedMs - 1)).toBe(true);
  expect(isModelDenied(after, 'm', NOW + KEY_STATE_DEFAULTS.modelDeniedMs)).toBe(false);
  expect(isModelDenied(after, 'another', NOW)).toBe(false);
});

test('every change of state is in the history, with its cause, its generation and who did it', () => {
  const { effects } = transition(key(), outcome('rate_limited'), context());
  expect(effects).toEqual([
    { type: 'push', leases: 'revoke' },
    {
      type: 'history',
      entry: {
        cause: 'rate_limited',
        from: 'healthy',
        to: 'rate_limited',
        generation: 8n,
        actor: 'key-broker',
        atMs: NOW,
      },
    },
  ]);
});

describe('what an operator does', () => {
  const by = { actor: 'ann' };
  const actions = {
    enable: { type: 'enable', ...by },
    disable: { type: 'disable', ...by },
    pause: { type: 'pause', ...by },
    reset: { type: 'reset', ...by },
    rotate: { type: 'rotate', ...by },
    restore: { type: 'restore', ...by },
    edit: { type: 'edit', enableFailover: true, ...by },
  } as const satisfies Record<string, KeyEvent>;
  const switched = { ...states, disabled: { key: key({ enabled: false }) }, paused: { key: key({ paused: true }) } };
  const table = Object.entries(switched).flatMap(([name, state]) =>
    Object.values(actions).map((event) => ({ name, before: state.key, event, action: event.type })),
  );

  test('is in the table for every state', () => {
    expect(table).toHaveLength(15 * 7);
  });

  test.each(table)('$name, $action', ({ before, event }) => {
    const { key: after, effects } = transition(before, event, context({ backupKeyAvailable: true }));
    const isGone = before.status === 'gone';
    const acts = {
      enable: !isGone && (!before.enabled || before.paused),
      disable: !isGone && before.enabled,
      pause: !isGone && !before.paused,
      reset: !isGone,
      rotate: false,
      restore: isGone,
      edit: !isGone,
    }[event.type];
    expect(after.generation).toBe(before.generation + (acts ? 1n : 0n));
    if (!acts) expect(after).toBe(before);
    expect(effects.some(({ type }) => type === 'rotate')).toBe(event.type === 'rotate' && !isGone);
    const entries = effects.flatMap((effect) => (effect.type === 'history' ? [effect.entry] : []));
    expect(entries).toMatchObject(acts ? [{ cause: event.type, actor: 'ann' }] : []);
    if (acts && (event.type === 'reset' || event.type === 'restore')) {
      expect(after).toMatchObject({ status: 'healthy', endpoint: 'primary', cooldownUntilMs: undefined, ...NO_BLAME });
    } else {
      expect(after.status).toBe(before.status);
      expect(after.cooldownUntilMs).toBe(before.cooldownUntilMs);
    }
  });
  const NO_BLAME = { inARow: NOTHING_IN_A_ROW, lastError: undefined, probe: undefined };

  test('a rotation by hand without a backup key is refused', () => {
    expect(transition(key(), actions.rotate, context()).effects).toEqual([
      { type: 'refused', reason: 'no_backup_key' },
    ]);
  });

  test('disabling can cut what still runs, also of a key that is disabled already', () => {
    for (const enabled of [true, false]) {
      const { effects } = transition(key({ enabled }), { ...actions.disable, abort: true }, context());
      expect(effects).toContainEqual({ type: 'push', leases: 'abort' });
    }
  });
});

describe('a release', () => {
  test.each([
    ['rate_limited', 'healthy'],
    ['auth', 'healthy'],
    ['quota', 'healthy'],
    ['timeout', 'healthy'],
  ] as const)('undoes what %s did', (cause, status) => {
    for (const before of [key(), key({ enableFailover: true })]) {
      const after = transition(before, outcome(cause), context()).key;
      const { key: freed } = transition(after, { type: 'release', generation: 7n, cause }, context());
      expect(freed).toMatchObject({
        status,
        endpoint: 'primary',
        cooldownUntilMs: undefined,
        inARow: NOTHING_IN_A_ROW,
      });
    }
  });

  test('keeps a key at the backup endpoint that was there before', () => {
    const { key: before } = states['using_failover'] ?? { key: key() };
    const cooled = transition(before, outcome('rate_limited', { endpoint: 'backup' }), context()).key;
    const { key: freed } = transition(cooled, { type: 'release', generation: 7n, cause: 'rate_limited' }, context());
    expect(freed).toMatchObject({ status: 'using_failover', endpoint: 'backup', cooldownUntilMs: undefined });
  });

  test('is void when anything happened to the key since', () => {
    const after = transition(key(), outcome('auth'), context()).key;
    const edited = transition(after, { type: 'edit', actor: 'ann' }, context()).key;
    expect(transition(edited, { type: 'release', generation: 7n, cause: 'auth' }, context()).key).toBe(edited);
  });
});

test('a rotated key is gone for everything but a restore', () => {
  const { key: gone, effects } = transition(key(), { type: 'rotated', actor: 'ann' }, context());
  expect(gone.status).toBe('gone');
  expect(effects).toContainEqual({ type: 'alert', alert: 'key_rotated' });
  const events: readonly KeyEvent[] = [
    { type: 'tick' },
    { type: 'probe_started' },
    { type: 'rotated', actor: 'ann' },
    { type: 'release', generation: 7n, cause: 'auth' },
  ];
  for (const event of events) expect(transition(gone, event, context({ nowMs: NOW * 9 })).key).toBe(gone);
});
