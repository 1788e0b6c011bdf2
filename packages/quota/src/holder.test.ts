import { describe, expect, test } from 'vitest';
import { admit, cancel, settle } from './holder/admit.ts';
import { flush } from './holder/flush.ts';
import { holderAdvance, holderConnect, holderDisconnect, holderReceive, holderUnspent } from './holder/holder.ts';
import { createHolder } from './holder/holder-state.ts';
import type { Admission, HolderOptions, QuotaHolder } from './holder/holder-state.ts';
import type { GrantScope, HolderMessage, OwnerMessage, ScopeState } from './messages.ts';
import { World } from './simulation/world.ts';
import { OWNER_AWAY_MS, RECALL_FORCE_MS, RECALL_WAIT_MS } from './timing.ts';

const USD = 1_000_000_000;
const outcome = { tokens: 0, nanoUsd: 0 };

/** A holder that an owner of term 1 has welcomed, at time 0. */
function welcomed(options: Partial<HolderOptions> = {}): QuotaHolder {
  const holder = createHolder({ epoch: 'e', ...options }, 0);
  holderConnect(holder, 'c1', 0);
  receive(holder, { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 0 }, 0);
  const [hello] = flush(holder, 0);
  receive(holder, grant(hello?.ref ?? 0, []), 0);
  return holder;
}

function receive(
  holder: QuotaHolder,
  message: OwnerMessage,
  nowMs: number,
  connection = 'c1',
): ReturnType<typeof flush> {
  holderReceive(holder, { connection, term: 1, message }, nowMs);
  return [];
}

function grant(ref: number, scopes: readonly GrantScope[]): OwnerMessage {
  return { kind: 'grant', ref, ttlMs: 15_000, overdraft: false, scopes };
}

/** What a message says of its only scope; the message must be of that kind. */
function stateIn(messages: readonly HolderMessage[], kind: 'hello' | 'return'): Partial<ScopeState> {
  const message = messages.find((candidate) => candidate.kind === kind);
  if (message?.kind !== kind) return {};
  const [state] = message.states;
  if (state === undefined) return {};
  const { received, charged, unspent, committed, uncharged } = state;
  return { ...(kind === 'hello' && { received, charged }), unspent, committed, uncharged };
}

function refOf(messages: readonly HolderMessage[]): number {
  return messages.find(({ kind }) => kind === 'take')?.ref ?? 0;
}

describe('while the owner is away', () => {
  test('what is held serves until its ttl, and what was granted is gone then', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    const add = { slots: 10 };
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add, version: 1, offline: {} }]), 5);
    expect(holderUnspent(holder, 's', 14_000)).toEqual({ slots: 9 });
    expect(admit(holder, [{ scope: 's', need: { slots: 1 } }], 14_000).state).toBe('running');
    expect(holderUnspent(holder, 's', 15_000)).toEqual({});
  });

  test('what a request had that ends after the ttl is not given to the next', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 5);
    settle(holder, admission, { outcome, nowMs: 20_000 });
    expect(holderUnspent(holder, 's', 20_000)).toEqual({});
  });

  test('what comes free is kept, also where an owner that is gone has recalled it a moment before', () => {
    const holder = welcomed({ outageGraceMs: 120_000, failOpen: false });
    const running = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 5);
    receive(holder, { kind: 'recall', scope: 's', dimensions: ['slots'] }, 20);
    holderDisconnect(holder, 'c1', 30);
    settle(holder, running, { outcome, nowMs: 40 });
    expect(holderUnspent(holder, 's', 40)).toEqual({ slots: 1 });
  });

  test('leases stay good for the outage grace, if nobody can be reached', () => {
    const holder = welcomed({ outageGraceMs: 120_000, failOpen: false });
    const first = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 2 }, version: 1, offline: {} }]), 5);
    expect(holderAdvance(holder, 15_000)).toEqual([{ kind: 'close', connection: 'c1' }]);
    expect(settle(holder, first, { outcome, nowMs: 15_001 })).toBe(true);
    expect(holderUnspent(holder, 's', 120_000)).toEqual({ slots: 2 });
    expect(holderUnspent(holder, 's', 15_000 + 120_000)).toEqual({});
  });

  test('an owner that comes back is told only what is good by the ttl', () => {
    const holder = welcomed({ outageGraceMs: 120_000 });
    admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 5 }, version: 1, offline: {} }]), 5);
    holderAdvance(holder, 20_000);
    holderConnect(holder, 'c2', 20_000);
    receive(holder, { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 3 }, 20_000, 'c2');
    const held = { received: {}, charged: {}, unspent: {}, committed: { slots: 1 }, uncharged: {} };
    expect(stateIn(flush(holder, 20_000), 'hello')).toEqual(held);
  });

  test('a request waits 2 s, then runs within the part that was named, and beyond it cannot be checked', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    const offline = { slots: 2, nanoUsd: 0 };
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 1 }, version: 1, offline }]), 5);
    const requests = [100, 200].map((nowMs) => admit(holder, [{ scope: 's', need: { slots: 1 } }], nowMs));
    flush(holder, 200);
    expect(requests.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    holderAdvance(holder, 100 + OWNER_AWAY_MS - 1);
    expect(requests.map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    holderAdvance(holder, 200 + OWNER_AWAY_MS);
    expect(requests.map(({ state, offline: alone }) => [state, alone])).toEqual([
      ['running', true],
      ['denied', false],
    ]);
    expect(requests[1]?.denial?.reason).toBe('unavailable');
  });

  test('money runs to the offline grant, once, and then cannot be checked', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 't', need: { nanoUsd: 10 } }], 0);
    const offline = { nanoUsd: 100 };
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 't', add: { nanoUsd: 10 }, version: 1, offline }]), 5);
    const first = admit(holder, [{ scope: 't', need: { nanoUsd: 60 } }], 10);
    holderAdvance(holder, 10 + OWNER_AWAY_MS);
    expect(first.state).toBe('running');
    settle(holder, first, { outcome: { tokens: 0, nanoUsd: 60, event: 1 }, nowMs: 2100 });
    const second = admit(holder, [{ scope: 't', need: { nanoUsd: 60 } }], 2200);
    holderAdvance(holder, 2200 + OWNER_AWAY_MS);
    expect(second.denial).toMatchObject({ reason: 'unavailable', affordable: 40 });
  });

  test('what a request did not spend of the offline grant is there for the next', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 't', need: { nanoUsd: 10 } }], 0);
    const scopes = [{ scope: 't', add: { nanoUsd: 10 }, version: 1, offline: { nanoUsd: 100 } }];
    receive(holder, grant(refOf(flush(holder, 0)), scopes), 5);
    // no owner, and what was held is over
    for (let turn = 1; turn <= 5; turn++) {
      const nowMs = 20_000 * turn;
      const admission = admit(holder, [{ scope: 't', need: { nanoUsd: 90 } }], nowMs);
      holderAdvance(holder, nowMs + OWNER_AWAY_MS);
      expect(admission.state).toBe('running');
      settle(holder, admission, { outcome: { tokens: 0, nanoUsd: 2, event: turn }, nowMs: nowMs + 3000 });
    }
    const last = admit(holder, [{ scope: 't', need: { nanoUsd: 91 } }], 200_000);
    expect(last.denial).toMatchObject({ reason: 'unavailable', affordable: 90 });
  });

  test('of a soft budget the typical cost does where the worst case does not fit the offline grant', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 't', need: { nanoUsd: 10 } }], 0);
    const scopes = [{ scope: 't', add: { nanoUsd: 10 }, version: 1, offline: { nanoUsd: 100 } }];
    receive(holder, grant(refOf(flush(holder, 0)), scopes), 5);
    const ask = (nowMs: number): Admission => {
      const admission = admit(holder, [{ scope: 't', need: { nanoUsd: 900 }, typicalNanoUsd: 40 }], nowMs);
      holderAdvance(holder, nowMs + OWNER_AWAY_MS);
      return admission;
    };
    const [first, second] = [ask(20_000), ask(20_001)];
    expect(first).toMatchObject({
      state: 'running',
      offline: true,
      parts: [{ need: { nanoUsd: 40 }, overdraft: true }],
    });
    // one at a time: else each might come to its worst case
    expect(second.denial).toMatchObject({ reason: 'unavailable', affordable: 60 });
    settle(holder, first, { outcome: { tokens: 0, nanoUsd: 0 }, nowMs: 25_000 });
    const third = ask(30_000);
    expect(third.state).toBe('running');
    // it came to more than that: the grant pays
    settle(holder, third, { outcome: { tokens: 0, nanoUsd: 50, event: 1 }, nowMs: 35_000 });
    const fourth = ask(40_000);
    expect(fourth.state).toBe('running');
    settle(holder, fourth, { outcome: { tokens: 0, nanoUsd: 45, event: 2 }, nowMs: 45_000 });
    expect(ask(50_000).denial).toMatchObject({ affordable: 5 });
  });

  test('nobody waits when it has been away for long', () => {
    const holder = createHolder({ epoch: 'e' }, 0);
    expect(admit(holder, [{ scope: 's', need: { slots: 1 } }], OWNER_AWAY_MS - 1).state).toBe('waiting');
    const late = admit(holder, [{ scope: 's', need: { slots: 1 } }], OWNER_AWAY_MS);
    expect(late).toMatchObject({ state: 'denied', denial: { reason: 'unavailable' } });
  });

  test('three holders together stay within the limit, and a soft budget within min(1 %, $1) of it', () => {
    const limits = { slots: 9, requests: 90, nanoUsd: 500 * USD };
    const scopes = [{ scope: 's', limits, hard: false }];
    const world = new World({ seed: 7, holders: 3, scopes });
    const needs = [{ scope: 's', need: { slots: 1, requests: 1, nanoUsd: USD / 10 } }];
    const ask = (index: number): void => {
      world.holder(index).request({ needs, durationMs: 5000, tokens: 0, nanoUsd: USD / 10 });
    };
    // All have a connection before the first of them hears of its part.
    for (let index = 0; index < 3; index++)
      world.timeline.at(100, () => {
        ask(index);
      });
    world.timeline.runUntil(6000);
    world.failover({ crash: true, gapMs: 10_000_000 });
    for (let index = 0; index < 200; index++)
      world.timeline.at(6100 + index, () => {
        ask(index);
      });
    world.timeline.runUntil(60_000);
    const alone = world.all.reduce((sum, { offline }) => sum + offline, 0);
    expect(alone).toBeGreaterThan(5);
    expect(world.truth.highest('s', 'slots')).toBe(9);
    expect(alone * (USD / 10)).toBeLessThanOrEqual(USD);
  });
});

describe('what a holder is told', () => {
  test('by an owner of a lower term it drops, and leaves it', () => {
    const holder = welcomed();
    holderReceive(
      holder,
      { connection: 'c1', term: 5, message: { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 0 } },
      10,
    );
    flush(holder, 10);
    const stale = { kind: 'recall', scope: 's', dimensions: ['slots'] } as const;
    const left = holderReceive(holder, { connection: 'c1', term: 4, message: stale }, 20);
    expect(left).toEqual([{ kind: 'close', connection: 'c1' }]);
    expect(holder.connection).toBeUndefined();
  });

  test('on a stream that it left it drops', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    const ref = refOf(flush(holder, 0));
    holderConnect(holder, 'c2', 1);
    receive(holder, grant(ref, [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 5);
    receive(holder, { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 0 }, 6, 'c2');
    receive(holder, grant(ref, [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 7);
    expect(admission.state).toBe('waiting');
    expect(holderUnspent(holder, 's', 7)).toEqual({});
  });

  test('is worth nothing when it comes after the ttl, as to a process that was stopped', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(
      holder,
      grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 3 }, version: 1, offline: {} }]),
      20_000,
    );
    expect(admission).toMatchObject({ state: 'denied', denial: { reason: 'unavailable' } });
    expect(holderUnspent(holder, 's', 20_000)).toEqual({});
  });

  test('a denial holds for 100 ms for who asks for no less, and not after Changed', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 't', need: { nanoUsd: 50 } }], 0);
    const deny = {
      kind: 'deny',
      reason: 'limit',
      scope: 't',
      dimension: 'nanoUsd',
      retryAfterMs: undefined,
      affordable: 20,
    } as const;
    receive(holder, { ...deny, ref: refOf(flush(holder, 0)) }, 10);
    const ask = (nanoUsd: number, nowMs: number): string =>
      admit(holder, [{ scope: 't', need: { nanoUsd } }], nowMs).state;
    expect([ask(50, 20), ask(49, 30), ask(60, 109), ask(50, 110)]).toEqual(['denied', 'waiting', 'denied', 'waiting']);
    receive(holder, { ...deny, ref: refOf(flush(holder, 110)) }, 120);
    receive(holder, { kind: 'changed', scope: 't', version: 0 }, 130);
    expect(ask(50, 140)).toBe('waiting');
  });

  test('a recall takes what is unspent, and for a while all that comes free', () => {
    const holder = welcomed();
    const needs = [{ scope: 's', need: { slots: 1 } }];
    const first = admit(holder, needs, 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 3 }, version: 1, offline: {} }]), 5);
    const second = admit(holder, needs, 10);
    receive(holder, { kind: 'recall', scope: 's', dimensions: ['slots'] }, 20);
    expect(stateIn(flush(holder, 20), 'return')).toEqual({ unspent: {}, committed: { slots: 2 }, uncharged: {} });
    settle(holder, first, { outcome, nowMs: 20 + 2 * RECALL_WAIT_MS });
    expect(stateIn(flush(holder, 521), 'return')).toEqual({ unspent: {}, committed: { slots: 1 }, uncharged: {} });
    settle(holder, second, { outcome, nowMs: 20 + RECALL_FORCE_MS });
    expect(holderUnspent(holder, 's', 20 + RECALL_FORCE_MS)).toEqual({ slots: 1 });
  });

  test('of a newer version makes it return everything unspent', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 5 }, version: 1, offline: {} }]), 5);
    receive(holder, { kind: 'changed', scope: 's', version: 2 }, 10);
    expect(stateIn(flush(holder, 11), 'return')).toEqual({ unspent: {}, committed: { slots: 1 }, uncharged: {} });
  });
});

describe('a request', () => {
  test('tells a new owner nothing of charges that were known when it said Welcome', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 't', need: { nanoUsd: 5 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 't', add: { nanoUsd: 9 }, version: 1, offline: {} }]), 5);
    settle(holder, admission, { outcome: { tokens: 0, nanoUsd: 5, event: 1 }, nowMs: 10 });
    holderConnect(holder, 'c2', 20);
    receive(holder, { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 1, seen: 0 }, 21, 'c2');
    const held = { received: {}, charged: {}, unspent: { nanoUsd: 4 }, committed: {}, uncharged: {} };
    expect(stateIn(flush(holder, 22), 'hello')).toEqual(held);
  });

  test('ends once', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 5);
    expect(settle(holder, admission, { outcome, nowMs: 10 })).toBe(true);
    expect(settle(holder, admission, { outcome, nowMs: 10 })).toBe(false);
    expect(holderUnspent(holder, 's', 10)).toEqual({ slots: 1 });
  });

  test('that used more than it reserved is paid for by what is held', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { tokens: 10 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { tokens: 50 }, version: 1, offline: {} }]), 5);
    settle(holder, admission, { outcome: { tokens: 35, nanoUsd: 0 }, nowMs: 10 });
    expect(holderUnspent(holder, 's', 10)).toEqual({ tokens: 15 });
  });

  test('that waits keeps nothing meanwhile: what is held of its needs goes to the owner before the Take', () => {
    const holder = welcomed();
    const first = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 3 }, version: 1, offline: {} }]), 5);
    admit(holder, [{ scope: 's', need: { slots: 1, tokens: 5 } }], 10);
    const messages = flush(holder, 10);
    expect(messages.map(({ kind }) => kind)).toEqual(['return', 'take']);
    expect(stateIn(messages, 'return')).toEqual({ unspent: { slots: 1 }, committed: { slots: 1 }, uncharged: {} });
    expect(messages[1]).toMatchObject({ scopes: [{ scope: 's', need: { slots: 1, tokens: 5 } }] });
    expect(first.state).toBe('running');
  });

  test('that waits when the stream ends asks the next owner', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    const first = refOf(flush(holder, 0));
    holderConnect(holder, 'c2', 20);
    receive(holder, { kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 0 }, 21, 'c2');
    const again = flush(holder, 22);
    expect(again.map(({ kind }) => kind)).toEqual(['hello', 'take']);
    expect(refOf(again)).toBeGreaterThan(first);
  });

  test('that overdraws reserves its typical cost, and says so until its charge is known', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 't', need: { nanoUsd: 90 }, typicalNanoUsd: 5 }], 0);
    const scopes = [{ scope: 't', add: { nanoUsd: 5 }, version: 1, offline: {} }];
    receive(holder, { kind: 'grant', ref: refOf(flush(holder, 0)), ttlMs: 15_000, overdraft: true, scopes }, 5);
    expect(admission.parts[0]).toMatchObject({ need: { nanoUsd: 5 }, overdraft: true });
    settle(holder, admission, { outcome: { tokens: 0, nanoUsd: 80, event: 1 }, nowMs: 10 });
    expect(flush(holder, 1000)).toMatchObject([{ states: [{ uncharged: { nanoUsd: 80 }, overdraft: true }] }]);
    receive(holder, { kind: 'committed', upTo: 1 }, 1500);
    expect(flush(holder, 2000)).toMatchObject([{ states: [{ charged: { nanoUsd: 80 }, overdraft: false }] }]);
  });

  test('that overdrew and came to nothing no longer counts as an overdraft', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 't', need: { nanoUsd: 90 }, typicalNanoUsd: 5 }], 0);
    const scopes = [{ scope: 't', add: { nanoUsd: 5 }, version: 1, offline: {} }];
    receive(holder, { kind: 'grant', ref: refOf(flush(holder, 0)), ttlMs: 15_000, overdraft: true, scopes }, 5);
    expect(flush(holder, 1000)).toMatchObject([{ states: [{ overdraft: true }] }]);
    settle(holder, admission, { outcome: { tokens: 0, nanoUsd: 0 }, nowMs: 1010 });
    expect(flush(holder, 2000)).toMatchObject([{ states: [{ committed: {}, overdraft: false }] }]);
  });

  test('that left while it waited leaves its grant to others', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    const ref = refOf(flush(holder, 0));
    cancel(holder, admission);
    receive(holder, grant(ref, [{ scope: 's', add: { slots: 1 }, version: 1, offline: {} }]), 5);
    expect(admission.state).toBe('ended');
    expect(holderUnspent(holder, 's', 10)).toEqual({ slots: 1 });
  });

  test('idle slices go back after 10 s', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
    receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add: { slots: 5 }, version: 1, offline: {} }]), 5);
    settle(holder, admission, { outcome, nowMs: 10 });
    flush(holder, 1500);
    holderAdvance(holder, 9999);
    expect(holderUnspent(holder, 's', 9999)).toEqual({ slots: 5 });
    holderAdvance(holder, 10_010);
    expect(holderUnspent(holder, 's', 10_010)).toEqual({});
  });
});

describe('with a choice', () => {
  const choice = { kind: 'm', exclude: ['x'] };

  test('the take leaves it to the owner, and the request runs in the scope that was granted', () => {
    const holder = welcomed();
    const admission = admit(holder, [{ scope: 'wish', need: { slots: 1 }, choice }], 0);
    const messages = flush(holder, 0);
    expect(messages).toMatchObject([{ kind: 'take', scopes: [{ scope: 'wish', need: { slots: 1 }, choice }] }]);
    receive(holder, grant(refOf(messages), [{ scope: 'other', add: { slots: 3 }, version: 1, offline: {} }]), 5);
    expect(admission).toMatchObject({ state: 'running', parts: [{ scope: 'other' }] });
    expect(holderUnspent(holder, 'other', 5)).toEqual({ slots: 2 });
    expect(settle(holder, admission, { outcome, nowMs: 10 })).toBe(true);
    expect(holderUnspent(holder, 'other', 10)).toEqual({ slots: 3 });
  });

  test('a denial of one is no answer to the next', () => {
    const holder = welcomed();
    admit(holder, [{ scope: 'wish', need: { slots: 1 }, choice }], 0);
    const ref = refOf(flush(holder, 0));
    const denial = { scope: 'wish', dimension: 'slots', retryAfterMs: undefined, affordable: 0 } as const;
    receive(holder, { kind: 'deny', ref, reason: 'limit', ...denial }, 5);
    expect(admit(holder, [{ scope: 'wish', need: { slots: 1 }, choice }], 6).state).toBe('waiting');
  });
});

test('a request that is to ask does so although it could be served', () => {
  const holder = welcomed();
  admit(holder, [{ scope: 's', need: { slots: 1 } }], 0);
  const add = { slots: 10 };
  receive(holder, grant(refOf(flush(holder, 0)), [{ scope: 's', add, version: 1, offline: {} }]), 5);
  const asking = admit(holder, [{ scope: '', need: { slots: 1 }, choice: { kind: 'm', exclude: [] } }], 6, {
    ask: true,
  });
  expect(asking.state).toBe('waiting');
  const messages = flush(holder, 6);
  expect(messages).toMatchObject([{ kind: 'take' }]);
  expect(holderUnspent(holder, 's', 6)).toEqual({ slots: 9 });
});
