import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  RETRY_DEFAULTS,
  decideRetry,
  mayUse,
  type FailureCause,
  type RetryDecision,
  type RetryQuestion,
  type Route,
  type Try,
} from './retry-policy.ts';

const A: Route = { keyId: 'a', endpoint: 'primary', proxyId: 'p1' };
const B: Route = { keyId: 'b', endpoint: 'primary', proxyId: 'p1' };

const failed = (route: Route, cause: FailureCause, retryAfterMs?: number, atMs = 0): Try => ({
  kind: 'failed',
  route,
  cause,
  atMs,
  retryAfterMs,
});
const refused = (retryAfterMs?: number, passing = false): Try => ({ kind: 'refused', retryAfterMs, passing });
const givenBack = (route: Route): Try => ({ kind: 'given_back', route });

/** With a jitter in its middle, so that a wait is what the policy says. */
function decide(history: readonly Try[], more: Partial<RetryQuestion> = {}): RetryDecision {
  const usual = { waits: 0, nowMs: 0, deadlineMs: 60_000, jitter: 0.5, policy: RETRY_DEFAULTS };
  return decideRetry({ history, ...usual, ...more });
}
const ask = (afterMs: number, ...exclude: string[]): RetryDecision => ({ kind: 'ask', afterMs, exclude });
const GIVE_UP: RetryDecision = { kind: 'give_up' };

const ALL_CAUSES: readonly FailureCause[] = [
  'auth',
  'quota',
  'ban',
  'model_denied',
  'rate_limited',
  'unattributed_403',
  'upstream_error',
  'connection',
  'timeout',
  'proxy_error',
  'cut',
  'request_fault',
];

test('the first lease is asked for at once, and one that is refused at once is not asked for again', () => {
  expect(decide([])).toEqual(ask(0));
  expect(decide([refused(100)])).toEqual(GIVE_UP);
  expect(decide([], { nowMs: 60_000 })).toEqual(GIVE_UP);
});

test('what the request itself caused is never tried again', () => {
  expect(decide([failed(A, 'request_fault')])).toEqual(GIVE_UP);
  expect(decide([failed(A, 'auth'), failed(B, 'request_fault')])).toEqual(GIVE_UP);
});

describe('after a failure', () => {
  const other = ALL_CAUSES.filter((cause) => cause !== 'request_fault' && cause !== 'proxy_error');
  test.each(other)('of %s another key is tried at once', (cause) => {
    expect(decide([failed(A, cause)])).toEqual(ask(0, 'a'));
    expect(decide([failed(A, cause), failed(B, cause)])).toEqual(ask(0, 'a', 'b'));
  });

  test('at the proxy the key stays, on another route', () => {
    const history = [failed(A, 'proxy_error')];
    expect(decide(history)).toEqual(ask(0));
    expect(mayUse({ ...A, proxyId: 'p2' }, { history, nowMs: 0, policy: RETRY_DEFAULTS }, false)).toBe(true);
    expect(mayUse(A, { history, nowMs: 0, policy: RETRY_DEFAULTS }, false)).toBe(false);
    expect(decide([...history, givenBack(A)])).toEqual(ask(0, 'a'));
    expect(decide([...history, givenBack(A), refused()])).toEqual(ask(250));
  });

  test.each(['upstream_error', 'connection', 'timeout', 'proxy_error'] as const)(
    'of %s the same route is tried again after a backoff that doubles, three times in all, where no other key can be had',
    (cause) => {
      const history = [failed(A, cause), refused()];
      expect(decide(history)).toEqual(ask(250));
      expect(mayUse(A, { history, nowMs: 250, policy: RETRY_DEFAULTS }, true)).toBe(true);
      history.push(failed(A, cause));
      expect(decide(history, { waits: 1 })).toEqual(ask(500));
      history.push(failed(A, cause));
      expect(mayUse(A, { history, nowMs: 5_000, policy: RETRY_DEFAULTS }, true)).toBe(false);
      expect(decide(history, { waits: 2 })).toEqual(GIVE_UP);
    },
  );

  test.each(['auth', 'quota', 'ban', 'cut'] as const)(
    'of %s the broker is asked again where it has no key: a successor may be on its way',
    (cause) => {
      const history = [failed(A, cause), refused(3_600_000)];
      expect(decide(history)).toMatchObject({ kind: 'ask', afterMs: 250 });
      expect(decide([...history, refused(3_600_000)], { waits: 1 })).toMatchObject({ kind: 'ask', afterMs: 500 });
      const successor = { ...A, keyId: 'c' };
      expect(mayUse(successor, { history, nowMs: 0, policy: RETRY_DEFAULTS }, true)).toBe(true);
      expect(mayUse(A, { history, nowMs: 1e9, policy: RETRY_DEFAULTS }, true)).toBe(false);
    },
  );

  test.each(['quota', 'ban'] as const)('of %s the key may go on at its backup endpoint', (cause) => {
    const history = [failed(A, cause), refused()];
    expect(decide(history)).toEqual(ask(250));
    expect(mayUse({ ...A, endpoint: 'backup' }, { history, nowMs: 250, policy: RETRY_DEFAULTS }, true)).toBe(true);
  });

  test.each(['auth', 'cut', 'model_denied'] as const)('of %s the key is not used again, wherever it leads', (cause) => {
    const history = [failed(A, cause)];
    const elsewhere = { ...A, endpoint: 'backup', proxyId: '' };
    expect(mayUse(elsewhere, { history, nowMs: 1e9, policy: RETRY_DEFAULTS }, true)).toBe(false);
  });

  test.each(['model_denied', 'unattributed_403', 'rate_limited'] as const)(
    'of %s there is nothing to wait for where the broker knows of nothing',
    (cause) => {
      expect(decide([failed(A, cause), refused()])).toEqual(GIVE_UP);
      expect(decide([failed(A, cause), refused(2_000)])).toMatchObject({ kind: 'ask', afterMs: 2_000 });
      expect(decide([failed(A, cause), refused(undefined, true)])).toMatchObject({ kind: 'ask', afterMs: 250 });
    },
  );
});

describe('a time to wait', () => {
  test('that the upstream names is kept, and the key left out until then', () => {
    const history = [failed(A, 'rate_limited', 4_000), refused()];
    expect(decide(history)).toEqual(ask(4_000));
    expect(decide(history, { nowMs: 1_500 })).toEqual(ask(2_500));
    expect(mayUse(A, { history, nowMs: 3_999, policy: RETRY_DEFAULTS }, true)).toBe(false);
    expect(mayUse(A, { history, nowMs: 4_000, policy: RETRY_DEFAULTS }, true)).toBe(true);
    // somebody else is there sooner: then without it
    expect(decide([...history.slice(0, 1), refused(1_000)])).toEqual(ask(1_000, 'a'));
    expect(decide([failed(A, 'upstream_error', 3_000), refused()])).toEqual(ask(3_000));
  });

  test('that does not fit the deadline, or is longer than anybody waits, is not begun', () => {
    const history = [failed(A, 'rate_limited', 4_000), refused(4_000)];
    expect(decide(history, { deadlineMs: 4_000 })).toEqual(GIVE_UP);
    expect(decide(history, { deadlineMs: 4_001 })).toEqual(ask(4_000));
    expect(decide([failed(A, 'rate_limited', 31_000), refused(31_000)])).toEqual(GIVE_UP);
    expect(decide([failed(A, 'upstream_error'), refused()], { deadlineMs: 250 })).toEqual(GIVE_UP);
  });

  test('is spread around its middle, and capped', () => {
    const history = [failed(A, 'connection'), refused()];
    expect(decide(history, { jitter: 0 })).toEqual(ask(125));
    expect(decide(history, { jitter: 0.999 })).toEqual(ask(375));
    expect(decide(history, { waits: 30 })).toEqual(ask(8_000));
  });
});

test('no more than six times altogether', () => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((keyId) => failed({ ...A, keyId }, 'auth'));
  expect(decide(keys.slice(0, 5))).toEqual(ask(0, 'a', 'b', 'c', 'd', 'e'));
  expect(decide(keys)).toEqual(GIVE_UP);
  expect(decide([...keys.slice(0, 1), ...Array.from({ length: 5 }, () => refused(0))])).toEqual(GIVE_UP);
});

test('whatever the broker grants and whatever fails, no budget is exceeded and no spent route used', () => {
  const keyIds = ['a', 'b', 'c'];
  const anyRoute = fc.record({
    keyId: fc.constantFrom(...keyIds),
    endpoint: fc.constantFrom('primary', 'backup'),
    proxyId: fc.constantFrom('', 'p1'),
  });
  const anyAnswer = fc.record({
    route: fc.option(anyRoute, { freq: 3 }),
    cause: fc.constantFrom(...ALL_CAUSES),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined }),
    tookMs: fc.integer({ min: 0, max: 5_000 }),
    passing: fc.boolean(),
    jitter: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  let retried = 0;
  fc.assert(
    fc.property(fc.array(anyAnswer, { minLength: 10, maxLength: 10 }), (answers) => {
      const history: Try[] = [];
      const deadlineMs = 20_000;
      let nowMs = 0;
      let waits = 0;
      for (const answer of answers) {
        const decision = decide(history, { nowMs, waits, deadlineMs, jitter: answer.jitter });
        if (decision.kind === 'give_up') break;
        const { afterMs, exclude } = decision;
        nowMs += afterMs;
        expect(nowMs).toBeLessThan(deadlineMs);
        if (afterMs > 0) {
          waits += 1;
          expect(afterMs).toBeGreaterThanOrEqual(RETRY_DEFAULTS.backoffMs / 2);
        }
        const { route, cause, retryAfterMs, passing } = answer;
        if (route === null || exclude.includes(route.keyId)) history.push(refused(retryAfterMs, passing));
        else if (mayUse(route, { history, nowMs, policy: RETRY_DEFAULTS }, afterMs > 0)) {
          if (history.length > 0) retried += 1;
          history.push(failed(route, cause, retryAfterMs, nowMs + answer.tookMs));
        } else history.push(givenBack(route));
        nowMs += answer.tookMs;
      }
      const failures = history.filter((one) => one.kind === 'failed');
      expect(history.length).toBeLessThanOrEqual(6);
      const routes = failures.map(({ route }) => JSON.stringify(route));
      for (const route of routes) expect(routes.filter((other) => other === route).length).toBeLessThanOrEqual(3);
      for (const [index, { route, cause }] of failures.entries()) {
        const later = failures.slice(index + 1).map((failure) => failure.route);
        if (cause === 'request_fault') expect(later).toEqual([]);
        if (cause === 'auth' || cause === 'cut' || cause === 'model_denied')
          expect(later.map(({ keyId }) => keyId)).not.toContain(route.keyId);
        if (cause === 'quota' || cause === 'ban' || cause === 'unattributed_403')
          expect(later).not.toContainEqual(route);
      }
    }),
    { numRuns: 3_000 },
  );
  expect(retried).toBeGreaterThan(1_000);
});
