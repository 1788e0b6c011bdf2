import { describe, expect, test } from 'vitest';
import type { Amounts } from './dimensions.ts';
import type { HolderMessage, OwnerMessage, ScopeState, TakeScope } from './messages.ts';
import {
  ownerAdvance,
  ownerCharge,
  ownerConnect,
  ownerDisconnect,
  ownerFree,
  ownerOutstanding,
  ownerReceive,
  ownerSetScope,
  ownerStreamTime,
} from './owner/owner.ts';
import type { ScopeSettings } from './owner/owner.ts';
import { createOwner } from './owner/owner-state.ts';
import type { OwnerOptions, OwnerOutput, QuotaOwner } from './owner/owner-state.ts';
import { OWNER_AWAY_MS, RECALL_WAIT_MS, WARM_UP_WAIT_MS } from './timing.ts';

const empty = { received: {}, charged: {}, unspent: {}, committed: {}, uncharged: {}, used: [], overdraft: false };

/** An owner, and what it says to whom, as `connection kind`. */
class Desk {
  readonly core: QuotaOwner;
  readonly sent: { readonly to: string; readonly message: OwnerMessage }[] = [];
  readonly other: OwnerOutput[] = [];
  nowMs = 0;
  #ref = 0;

  constructor(limits: Amounts, options: Partial<OwnerOptions> & Partial<ScopeSettings> = {}) {
    this.core = createOwner(1, 0, { longestRequestMs: 60_000, byStreamTime: true, ...options });
    this.set({ limits, hard: options.hard ?? true });
  }

  set(settings: Partial<ScopeSettings>): void {
    this.note(ownerSetScope(this.core, { scope: 's', limits: {}, version: 1, ...settings }, this.nowMs));
  }

  /** A holder of the same name connects, and declares this. */
  join(name: string, states: readonly Partial<ScopeState>[] = []): void {
    this.connect(name);
    this.hello(name, states);
  }

  connect(name: string, epoch = name): void {
    this.note(ownerConnect(this.core, { connection: name, epoch, upTo: 0 }, this.nowMs));
  }

  hello(name: string, states: readonly Partial<ScopeState>[] = []): number {
    return this.receive(name, { kind: 'hello', epoch: name, opened: 0, ended: 0, states: states.map(stateOf), ref: 0 });
  }

  state(name: string, state: Partial<ScopeState>, ended = 0): number {
    return this.receive(name, { kind: 'state', opened: 10, ended, states: [stateOf(state)], ref: 0 });
  }

  take(name: string, need: Amounts, more: Partial<TakeScope> = {}): number {
    return this.receive(name, { kind: 'take', scopes: [{ scope: 's', need, ...more }], ref: 0 });
  }

  receive(name: string, message: HolderMessage): number {
    const ref = ++this.#ref;
    this.note(ownerReceive(this.core, { connection: name, message: { ...message, ref } }, this.nowMs));
    return ref;
  }

  charge(epoch: string, reserved: Amounts, upTo = 1, opened = 1): void {
    const scopes = [{ scope: 's', reserved, costNanoUsd: reserved.nanoUsd ?? 0 }];
    this.note(ownerCharge(this.core, { epoch, event: upTo, upTo, opened, scopes }, this.nowMs));
  }

  at(nowMs: number): this {
    this.nowMs = nowMs;
    this.note(ownerAdvance(this.core, nowMs));
    return this;
  }

  note(outputs: readonly OwnerOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'send') this.sent.push({ to: output.connection, message: output.message });
      else this.other.push(output);
    }
  }

  /** What was said since the last time, without the answers to states. */
  get said(): string[] {
    return this.sent
      .splice(0)
      .filter(({ message }) => message.kind !== 'grant' || message.scopes.length > 0)
      .map(({ to, message }) => `${to} ${message.kind}`);
  }

  granted(ref: number): Amounts | undefined {
    const grant = this.sent.find(({ message }) => message.kind === 'grant' && message.ref === ref);
    return grant?.message.kind === 'grant' ? grant.message.scopes[0]?.add : undefined;
  }

  get free(): Amounts {
    return ownerFree(this.core, 's', this.nowMs) ?? {};
  }
}

function stateOf(state: Partial<ScopeState>): ScopeState {
  return { scope: 's', ...empty, ...state };
}

describe('a grant', () => {
  test('gives beyond the need half of what is left, divided by those who hold', () => {
    const desk = new Desk({ slots: 100 });
    desk.join('a');
    desk.join('b');
    expect(desk.granted(desk.take('a', { slots: 10 }, { want: { slots: 1000 } }))).toEqual({ slots: 10 + 45 });
    expect(desk.granted(desk.take('b', { slots: 1 }, { want: { slots: 1000 } }))).toEqual({ slots: 1 + 11 });
    expect(desk.granted(desk.take('b', { slots: 1 }, { want: { slots: 2 } }))).toEqual({ slots: 3 });
  });

  test('waits for the limits of a scope that is not loaded', () => {
    const desk = new Desk({ slots: 1 });
    desk.join('a');
    const message = { kind: 'take', ref: 0, scopes: [{ scope: 'new', need: { slots: 1 } }] } as const;
    desk.receive('a', message);
    expect(desk.other).toEqual([{ kind: 'load', scope: 'new' }]);
    desk.at(RECALL_WAIT_MS + 1);
    expect(desk.said).toEqual(['a welcome']);
    desk.set({ scope: 'new', limits: { slots: 1 } });
    expect(desk.said).toEqual(['a grant']);
  });

  test('is refused 250 ms after they came, when it does not fit', () => {
    const desk = new Desk({ slots: 1 });
    desk.join('a', [{ scope: 'new', committed: { slots: 1 } }]);
    desk.join('b');
    desk.receive('b', { kind: 'take', ref: 0, scopes: [{ scope: 'new', need: { slots: 1 } }] });
    desk.at(250).at(300);
    desk.set({ scope: 'new', limits: { slots: 1 } });
    desk.at(500).at(549);
    expect(desk.said).toEqual(['a welcome', 'b welcome', 'a recall']);
    desk.at(550);
    expect(desk.said).toEqual(['b deny']);
  });

  test('is refused after 2 s when they do not come', () => {
    const desk = new Desk({ slots: 1 });
    desk.join('a');
    desk.receive('a', { kind: 'take', ref: 0, scopes: [{ scope: 'new', need: { slots: 1 } }] });
    desk.at(RECALL_WAIT_MS).at(OWNER_AWAY_MS);
    expect(desk.sent.at(-1)?.message).toMatchObject({ kind: 'deny', reason: 'unavailable' });
  });
});

describe('when something does not fit', () => {
  test('all who hold are asked for it, and who came first gets it first', () => {
    const desk = new Desk({ slots: 10 });
    for (const name of ['a', 'b', 'c']) desk.join(name);
    desk.take('a', { slots: 9 });
    expect(desk.said).toEqual(['a welcome', 'b welcome', 'c welcome', 'a grant']);
    desk.take('b', { slots: 2 });
    // It would fit, but b came first.
    desk.take('c', { slots: 1 });
    expect(desk.said).toEqual(['a recall']);
    desk.state('a', { received: { slots: 9 }, committed: { slots: 7 } });
    expect(desk.said).toEqual(['b grant', 'c grant']);
  });

  test('it is denied when that did not help in 250 ms, and whoever was is told when it would fit', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    desk.join('b');
    desk.take('a', { slots: 10 });
    desk.take('b', { slots: 3 });
    desk.at(RECALL_WAIT_MS - 1);
    expect(desk.said).toEqual(['a welcome', 'b welcome', 'a grant', 'a recall']);
    desk.at(RECALL_WAIT_MS);
    expect(desk.sent.at(-1)?.message).toMatchObject({
      kind: 'deny',
      reason: 'limit',
      dimension: 'slots',
      affordable: 0,
    });
    expect(desk.said).toEqual(['b deny']);
    desk.state('a', { received: { slots: 10 }, committed: { slots: 5 } });
    expect(desk.said).toEqual(['b changed']);
  });

  test('by a rate, the denial says when the window has room', () => {
    const desk = new Desk({ requests: 10 });
    desk.join('a', [{ used: [{ dimension: 'requests', ageMs: 20_000, amount: 10 }] }]);
    desk.take('a', { requests: 1 });
    expect(desk.sent.at(-1)?.message).toMatchObject({ kind: 'deny', retryAfterMs: 40_000 });
  });

  test('a take whose stream ended keeps nobody waiting', () => {
    const desk = new Desk({ slots: 10 });
    for (const name of ['a', 'b', 'c']) desk.join(name);
    desk.take('a', { slots: 9 });
    desk.take('b', { slots: 2 });
    const ref = desk.take('c', { slots: 1 });
    desk.note(ownerDisconnect(desk.core, 'b', 0));
    expect(desk.granted(ref)).toEqual({ slots: 1 });
  });
});

describe('money', () => {
  test('that is charged before the holder says so is not counted twice', () => {
    const desk = new Desk({ nanoUsd: 1000 });
    desk.join('a');
    desk.take('a', { nanoUsd: 300 });
    desk.charge('a', { nanoUsd: 300 });
    expect(desk.free.nanoUsd).toBe(700);
    desk.state('a', { received: { nanoUsd: 300 }, uncharged: { nanoUsd: 300 } });
    expect(desk.free.nanoUsd).toBe(700);
    desk.state('a', { charged: { nanoUsd: 300 } });
    expect(desk.free.nanoUsd).toBe(700);
    desk.take('a', { nanoUsd: 100 });
    desk.state('a', { received: { nanoUsd: 100 }, uncharged: { nanoUsd: 100 } });
    expect(desk.free.nanoUsd).toBe(600);
  });

  test('that is charged between Welcome and Hello is not counted twice', () => {
    const desk = new Desk({ nanoUsd: 1000 });
    desk.connect('a');
    desk.charge('a', { nanoUsd: 300 });
    desk.hello('a', [{ uncharged: { nanoUsd: 400 } }]);
    expect(desk.free.nanoUsd).toBe(600);
    desk.state('a', { charged: { nanoUsd: 300 }, uncharged: { nanoUsd: 100 } });
    expect(desk.free.nanoUsd).toBe(600);
  });

  test('of a soft budget is overdrawn by one request, whose end must have been heard of', () => {
    const desk = new Desk({ nanoUsd: 100 }, { hard: false });
    desk.join('a');
    const ask = (): Amounts | undefined => desk.granted(desk.take('a', { nanoUsd: 500 }, { typicalNanoUsd: 10 }));
    expect(ask()).toEqual({ nanoUsd: 10 });
    // Sent before the grant came.
    desk.state('a', {});
    expect(ask()).toBeUndefined();
    desk.state('a', { received: { nanoUsd: 10 }, committed: { nanoUsd: 10 }, overdraft: true });
    expect(ask()).toBeUndefined();
    desk.state('a', {});
    expect(ask()).toEqual({ nanoUsd: 10 });
  });

  test('for the time without an owner is min(1 % of what is free, $1) of soft budgets, divided by the holders', () => {
    const offline = (limit: number, hard: boolean): number | undefined => {
      const desk = new Desk({ nanoUsd: limit, slots: 5 }, { hard });
      desk.join('a');
      desk.join('b');
      desk.take('a', { slots: 1 });
      const { message } = desk.sent.at(-1) ?? {};
      return message?.kind === 'grant' ? message.scopes[0]?.offline.nanoUsd : 0;
    };
    expect(offline(1_000_000, false)).toBe(5000);
    expect(offline(1_000_000_000_000, false)).toBe(500_000_000);
    expect(offline(1_000_000, true)).toBeUndefined();
  });

  test('is all that a charge frees of a holder that can speak for itself', () => {
    const desk = new Desk({ nanoUsd: 1000, slots: 10, tokens: 1000 });
    desk.join('a');
    desk.take('a', { nanoUsd: 300, slots: 1, tokens: 50 });
    desk.charge('a', { nanoUsd: 300, slots: 1, tokens: 50 });
    expect(desk.free).toMatchObject({ nanoUsd: 700, slots: 9, tokens: 950 });
  });
});

describe('a holder that falls silent', () => {
  test('is taken its unspent at the ttl, has to connect again, and keeps what its requests have', () => {
    const desk = new Desk({ slots: 10, requests: 100 });
    desk.join('a');
    desk.take('a', { slots: 4, requests: 40 });
    desk.state('a', {
      received: { slots: 4, requests: 40 },
      unspent: { slots: 3, requests: 40 },
      committed: { slots: 1 },
    });
    desk.at(14_999);
    expect(desk.free).toMatchObject({ slots: 6, requests: 60 });
    desk.at(15_000);
    expect(desk.other).toEqual([{ kind: 'close', connection: 'a' }]);
    // Its requests may have been used until now.
    expect(desk.free).toMatchObject({ slots: 9, requests: 60 });
    desk.said.splice(0);
    desk.take('a', { slots: 1 });
    expect(desk.said).toEqual([]);
    desk.at(75_000);
    expect(desk.free).toMatchObject({ slots: 9, requests: 100 });
  });

  test('and comes back, says what it really used', () => {
    const desk = new Desk({ requests: 100 });
    desk.join('a');
    desk.take('a', { requests: 40 });
    desk.state('a', { received: { requests: 40 }, unspent: { requests: 40 } });
    desk.at(20_000);
    expect(desk.free.requests).toBe(60);
    desk.join('a', [{ used: [{ dimension: 'requests', ageMs: 10_000, amount: 5 }] }]);
    expect(desk.free.requests).toBe(95);
  });

  test('has what a charged request had until the ttl, as another may have it now, unless it said that before', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    desk.take('a', { slots: 3 });
    // The request of event 1 had ended; two others have its slot and theirs.
    desk.state('a', { received: { slots: 3 }, committed: { slots: 3 } }, 1);
    desk.note(ownerDisconnect(desk.core, 'a', 0));
    desk.charge('a', { slots: 1 }, 1);
    desk.charge('a', { slots: 1 }, 2);
    expect(desk.free.slots).toBe(7);
    desk.at(15_000);
    expect(desk.free.slots).toBe(8);
    desk.charge('a', { slots: 1 }, 3);
    expect(desk.free.slots).toBe(9);
  });

  test('keeps what its requests have, when a charge comes for what was taken back', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    desk.take('a', { slots: 3 });
    desk.state('a', { received: { slots: 3 }, unspent: { slots: 2 }, committed: { slots: 1 } });
    desk.at(15_000);
    expect(desk.free.slots).toBe(9);
    // Admitted after the last state, from what was unspent there.
    desk.charge('a', { slots: 1 }, 1, 11);
    expect(desk.free.slots).toBe(9);
    desk.charge('a', { slots: 1 }, 2, 10);
    expect(desk.free.slots).toBe(10);
  });

  test('has its requests until the stream has passed its death by the longest of them', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    desk.take('a', { slots: 1 });
    desk.at(15_000).at(200_000);
    expect(desk.free.slots).toBe(9);
    desk.note(ownerStreamTime(desk.core, 74_999, 200_000));
    expect(desk.free.slots).toBe(9);
    desk.note(ownerStreamTime(desk.core, 75_000, 200_000));
    expect(desk.free.slots).toBe(10);
    expect(desk.other.at(-1)).toEqual({ kind: 'gone', epoch: 'a' });
  });

  test('gives all back at its ttl where requests are not waited for', () => {
    const desk = new Desk({ slots: 10 }, { longestRequestMs: 0, byStreamTime: false });
    desk.join('a');
    desk.take('a', { slots: 1 });
    desk.at(15_000);
    expect(desk.free.slots).toBe(10);
  });

  test('gives back at its ttl what requests only borrow, where that is wanted, and a late charge frees it no second time', () => {
    const desk = new Desk({ slots: 10, nanoUsd: 1_000 }, { borrowedEndsWithTtl: true });
    desk.join('a');
    desk.take('a', { slots: 4, nanoUsd: 400 });
    desk.state('a', { received: { slots: 4, nanoUsd: 400 }, committed: { slots: 4, nanoUsd: 400 } });
    desk.at(14_999);
    expect(desk.free).toMatchObject({ slots: 6, nanoUsd: 600 });
    desk.at(15_000);
    expect(desk.free).toMatchObject({ slots: 10, nanoUsd: 600 });
    desk.charge('a', { slots: 4, nanoUsd: 400 });
    expect(desk.free).toMatchObject({ slots: 10, nanoUsd: 600 });
    expect(ownerOutstanding(desk.core, 's').get('a')).toMatchObject({ slots: 0, nanoUsd: 0 });
  });
});

describe('streams', () => {
  test('what comes on one that was replaced is dropped', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    desk.connect('a2', 'a');
    desk.take('a', { slots: 1 });
    desk.take('a2', { slots: 1 });
    expect(desk.free.slots).toBe(10);
    desk.hello('a2');
    desk.take('a2', { slots: 1 });
    expect(desk.free.slots).toBe(9);
    desk.state('a', { unspent: { slots: 5 } });
    expect(desk.free.slots).toBe(9);
  });

  test('Welcome names the last message that was seen, so that nothing is reported twice', () => {
    const desk = new Desk({ slots: 10 });
    desk.join('a');
    const ref = desk.state('a', {});
    desk.take('a', { slots: 1 });
    desk.connect('a2', 'a');
    expect(desk.sent.at(-1)?.message).toMatchObject({ kind: 'welcome', seen: ref });
    desk.connect('b');
    expect(desk.sent.at(-1)?.message).toMatchObject({ kind: 'welcome', seen: 0, holders: 2 });
  });
});

describe('a new owner', () => {
  const known = { knownHolders: ['a', 'b', 'c'] };

  test('grants nothing in its first second, then a fair part to each who is there, and all when nobody is missing', () => {
    const desk = new Desk({ slots: 10 }, known);
    desk.join('a');
    const first = desk.take('a', { slots: 3 });
    desk.at(WARM_UP_WAIT_MS - 1);
    expect(desk.granted(first)).toBeUndefined();
    desk.at(WARM_UP_WAIT_MS);
    expect(desk.granted(first)).toEqual({ slots: 3 });
    const second = desk.take('a', { slots: 2 });
    desk.at(WARM_UP_WAIT_MS + RECALL_WAIT_MS);
    expect(desk.granted(second)).toBeUndefined();
    desk.join('b', [{ committed: { slots: 5 } }]);
    expect(desk.granted(second)).toBeUndefined();
    desk.join('c');
    expect(desk.granted(second)).toEqual({ slots: 2 });
  });

  test('waits for the missing no longer than a ttl', () => {
    const desk = new Desk({ slots: 10 }, known);
    desk.join('a');
    desk.at(14_000);
    const ref = desk.take('a', { slots: 10 });
    desk.at(14_999);
    expect(desk.granted(ref)).toBeUndefined();
    desk.at(15_000);
    expect(desk.granted(ref)).toEqual({ slots: 10 });
    expect(desk.other).toEqual([
      { kind: 'gone', epoch: 'b' },
      { kind: 'gone', epoch: 'c' },
    ]);
  });

  test('grants nothing of a hard budget until nobody is missing', () => {
    for (const hard of [true, false]) {
      const desk = new Desk({ nanoUsd: 900 }, { ...known, hard });
      desk.join('a');
      desk.at(WARM_UP_WAIT_MS);
      const ref = desk.take('a', { nanoUsd: 300 });
      expect(desk.granted(ref)).toEqual(hard ? undefined : { nanoUsd: 300 });
    }
  });
});
