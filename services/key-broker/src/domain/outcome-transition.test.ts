import { describe, expect, test } from 'vitest';
import { isModelDenied } from './key-availability.ts';
import type { Transition } from './key-change.ts';
import type { OutcomeCause } from './key-event.ts';
import { context, NOW, outcome, states } from './key-samples.ts';
import type { KeyState } from './key-state.ts';
import { transition } from './key-transition.ts';
import { outcomeKinds } from './outcome-kind.ts';

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
