import { expect, test } from 'vitest';
import type { Instant } from './instant.ts';
import { IDLE, ownedTerm, stepSlot, type Slot, type SlotCommand, type SlotEvent } from './slot.ts';

type Moment = number | Instant;
const instant = (moment: Moment): Instant =>
  typeof moment === 'number' ? { monotonicMs: moment, wallMs: 1e12 + moment } : moment;

/** Where a slot stands after these events, and what the last of them commanded. */
function play(...events: readonly (readonly [Moment, SlotEvent])[]): {
  readonly slot: Slot;
  readonly commands: readonly SlotCommand[];
} {
  let slot: Slot = IDLE;
  let commands: readonly SlotCommand[] = [];
  for (const [moment, event] of events) ({ slot, commands } = stepSlot(slot, event, instant(moment), false));
  return { slot, commands };
}

const term = 6;
const CLAIMED = [
  [0, { type: 'claim', seenTerm: 5 }],
  [300, { type: 'claim_answered', term, won: true }],
] as const;
const OWNED = [...CLAIMED, [400, { type: 'fence_answered', term, result: 'written' }]] as const;
const RENEWED = [
  ...OWNED,
  [1_000, { type: 'renewal_due', term }],
  [2_400, { type: 'renewal_answered', term, result: 'kept' }],
] as const;

test('a takeover claims above the term that it saw, ends the sessions and writes the fence before it starts', () => {
  expect(play(CLAIMED[0]).commands).toEqual([{ type: 'claim', seenTerm: 5, term }]);
  expect(play(...CLAIMED).commands).toEqual([{ type: 'take_over', term }]);
  expect(ownedTerm(play(...CLAIMED).slot, instant(300))).toBeUndefined();
  expect(play(...OWNED).commands).toEqual([{ type: 'start', term }]);
  expect(ownedTerm(play(...OWNED).slot, instant(400))).toBe(term);
});

test.each([
  ['the claim', OWNED, 4_000],
  ['the renewal', RENEWED, 5_000],
] as const)('an owner stops four seconds after %s was sent, whenever it was answered', (_, events, endMs) => {
  expect(ownedTerm(play(...events).slot, instant(endMs - 1))).toBe(term);
  expect(ownedTerm(play(...events).slot, instant(endMs))).toBeUndefined();
  expect(play(...events, [endMs, { type: 'tick' }]).commands).toEqual([{ type: 'stop', term, reason: 'lost' }]);
});

test.each([
  ['monotonic', { monotonicMs: 4_000, wallMs: 0 }],
  ['wall', { monotonicMs: 0, wallMs: 1e12 + 4_000 }],
] as const)('the %s clock alone ends it', (_, moment) => {
  expect(ownedTerm(play(...OWNED).slot, moment)).toBeUndefined();
});

test('a renewal is sent once a second, one at a time, and one that was not heard of changes nothing', () => {
  expect(play(...OWNED, [999, { type: 'renewal_due', term }]).commands).toEqual([]);
  const asked = [...OWNED, [1_000, { type: 'renewal_due', term }]] as const;
  expect(play(...asked).commands).toEqual([{ type: 'renew', term, settled: true }]);
  expect(play(...asked, [2_100, { type: 'renewal_due', term }]).commands).toEqual([]);
  const unheard = [...asked, [2_500, { type: 'renewal_answered', term, result: 'unknown' }]] as const;
  expect(play(...unheard, [2_600, { type: 'renewal_due', term }]).commands).toHaveLength(1);
  expect(ownedTerm(play(...unheard).slot, instant(4_000))).toBeUndefined();
});

test('a refused renewal ends it at once, and an answer of another term does not', () => {
  const refused = (of: number) => [1_500, { type: 'renewal_answered', term: of, result: 'refused' }] as const;
  expect(play(...OWNED, refused(term)).commands).toEqual([{ type: 'stop', term, reason: 'lost' }]);
  expect(play(...OWNED, refused(term - 1)).commands).toEqual([]);
});

test('until the fence is written, a takeover is tried again, renewed, and keeps the sessions of others on record', () => {
  const failed = [...CLAIMED, [900, { type: 'fence_answered', term, result: 'unknown' }]] as const;
  expect(play(...failed, [1_000, { type: 'tick' }]).commands).toEqual([
    { type: 'renew', term, settled: false },
    { type: 'take_over', term },
  ]);
  expect(play(...failed, [4_000, { type: 'tick' }]).commands).toEqual([{ type: 'drop', term }]);
});

test('a claim whose answer came too late is dropped', () => {
  const late = play(CLAIMED[0], [4_000, { type: 'claim_answered', term, won: true }]);
  expect(late).toEqual({ slot: IDLE, commands: [{ type: 'drop', term }] });
});

test('a higher term in the fence is released, and claimed above the next time', () => {
  const refused = [...CLAIMED, [400, { type: 'fence_answered', term, result: { above: 40 } }]] as const;
  expect(play(...refused).commands).toEqual([{ type: 'release', term }]);
  const again = [
    ...refused,
    [450, { type: 'release_answered', term }],
    [500, { type: 'claim', seenTerm: term }],
  ] as const;
  expect(play(...again).commands).toEqual([{ type: 'claim', seenTerm: term, term: 41 }]);
});

test('a hand-over lets the work end, which goes on renewing, and releases then', () => {
  const leaving = [...OWNED, [500, { type: 'hand_over' }]] as const;
  expect(play(...leaving).commands).toEqual([{ type: 'stop', term, reason: 'handed_over' }]);
  expect(ownedTerm(play(...leaving).slot, instant(500))).toBe(term);
  expect(play(...leaving, [1_000, { type: 'renewal_due', term }]).commands).toHaveLength(1);
  expect(play(...leaving, [1_100, { type: 'work_ended', term }]).commands).toEqual([{ type: 'release', term }]);
});
