import { hasPassed, type Instant } from './instant.ts';
import { RENEW_EVERY_MS, REST_MS, STOP_AFTER_MS } from './timing.ts';

interface Lease {
  readonly term: number;
  /** When what was acknowledged last was sent. */
  readonly since: Instant;
  readonly askedAt: Instant;
  readonly asking: boolean;
}

/** How one process stands to one id. */
export type Slot =
  | { readonly stage: 'idle'; readonly termAbove: number; readonly restsSince?: Instant }
  | { readonly stage: 'claiming'; readonly term: number; readonly sentAt: Instant }
  /** The claim is written; what the former owner left is being ended. Nothing may be done yet. */
  | { readonly stage: 'taking'; readonly lease: Lease; readonly trying: boolean }
  | { readonly stage: 'owned'; readonly lease: Lease; readonly wonAt: Instant; readonly leaving: boolean }
  /** The work was told to stop at once and has not ended yet. */
  | { readonly stage: 'lost'; readonly term: number; readonly at: Instant }
  | { readonly stage: 'releasing'; readonly term: number; readonly after: IdleSlot };

type IdleSlot = Slot & { readonly stage: 'idle' };

export const IDLE: IdleSlot = { stage: 'idle', termAbove: 0 };

export type SlotEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'claim'; readonly seenTerm: number }
  | { readonly type: 'hand_over' }
  | { readonly type: 'claim_answered'; readonly term: number; readonly won: boolean }
  | { readonly type: 'fence_answered'; readonly term: number; readonly result: FenceResult }
  | { readonly type: 'renewal_due'; readonly term: number }
  | { readonly type: 'renewal_answered'; readonly term: number; readonly result: 'kept' | 'refused' | 'unknown' }
  | { readonly type: 'work_ended'; readonly term: number }
  | { readonly type: 'release_answered'; readonly term: number };

/** `{ above }` is the term that stands in the fence. */
export type FenceResult = 'written' | 'unknown' | { readonly above: number };

export type SlotCommand =
  /** Only where `owners` still has the seen term, and the lease is over or this process' own. */
  | { readonly type: 'claim'; readonly seenTerm: number; readonly term: number }
  /** End the sessions that are recorded, then write the term to the fence. */
  | { readonly type: 'take_over'; readonly term: number }
  | { readonly type: 'start'; readonly term: number }
  /** `settled`: the sessions of former owners are ended and need not be recorded any more. */
  | { readonly type: 'renew'; readonly term: number; readonly settled: boolean }
  /** The sessions stay recorded: whether their last transaction has ended is for the next owner to make sure. */
  | { readonly type: 'release'; readonly term: number }
  | { readonly type: 'stop'; readonly term: number; readonly reason: 'lost' | 'handed_over' }
  /** A takeover that came to nothing. */
  | { readonly type: 'drop'; readonly term: number };

export interface SlotStep {
  readonly slot: Slot;
  readonly commands: readonly SlotCommand[];
}

/** `leaving`: the process wants no more of anything. */
export function stepSlot(slot: Slot, event: SlotEvent, now: Instant, leaving: boolean): SlotStep {
  const expired = expire(slot, now);
  if ('term' in event && event.term !== termOf(expired.slot)) return expired;
  const next = advance(expired.slot, event, now, leaving);
  return { slot: next.slot, commands: [...expired.commands, ...next.commands] };
}

/** The term in which this process may act now. */
export function ownedTerm(slot: Slot | undefined, now: Instant): number | undefined {
  if (slot?.stage !== 'owned' || isOver(slot.lease, now)) return undefined;
  return slot.lease.term;
}

export function renewalDueInMs(slot: Slot | undefined, now: Instant): number {
  if (slot?.stage !== 'owned') return 0;
  const { askedAt } = slot.lease;
  const passedMs = Math.max(now.monotonicMs - askedAt.monotonicMs, now.wallMs - askedAt.wallMs);
  return Math.max(0, RENEW_EVERY_MS - passedMs);
}

export function isResting(slot: Slot, now: Instant): boolean {
  return slot.stage === 'idle' && slot.restsSince !== undefined && !hasPassed(slot.restsSince, REST_MS, now);
}

function isOver(lease: Lease, now: Instant): boolean {
  return hasPassed(lease.since, STOP_AFTER_MS, now);
}

function termOf(slot: Slot): number | undefined {
  if (slot.stage === 'idle') return undefined;
  return 'lease' in slot ? slot.lease.term : slot.term;
}

function expire(slot: Slot, now: Instant): SlotStep {
  if (!('lease' in slot) || !isOver(slot.lease, now)) return stay(slot);
  return lose(slot, now);
}

function lose(slot: Slot & { readonly lease: Lease }, now: Instant): SlotStep {
  const { term } = slot.lease;
  return slot.stage === 'taking'
    ? { slot: IDLE, commands: [{ type: 'drop', term }] }
    : { slot: { stage: 'lost', term, at: now }, commands: [{ type: 'stop', term, reason: 'lost' }] };
}

function advance(slot: Slot, event: SlotEvent, now: Instant, leaving: boolean): SlotStep {
  switch (slot.stage) {
    case 'idle':
      return event.type === 'claim' ? claim(slot.termAbove, event.seenTerm, now) : stay(slot);
    case 'claiming':
      return event.type === 'claim_answered' ? claimAnswered(slot, event.won, now, leaving) : stay(slot);
    case 'taking':
      return taking(slot, event, now, leaving);
    case 'owned':
      return owned(slot, event, now);
    case 'lost':
      return stay(event.type === 'work_ended' ? resting(now) : slot);
    case 'releasing':
      return stay(event.type === 'release_answered' ? slot.after : slot);
  }
}

function claim(termAbove: number, seenTerm: number, now: Instant): SlotStep {
  const term = Math.max(seenTerm, termAbove) + 1;
  return { slot: { stage: 'claiming', term, sentAt: now }, commands: [{ type: 'claim', seenTerm, term }] };
}

function claimAnswered(
  { term, sentAt }: Slot & { readonly stage: 'claiming' },
  won: boolean,
  now: Instant,
  leaving: boolean,
): SlotStep {
  if (!won) return stay(IDLE);
  const lease = { term, since: sentAt, askedAt: sentAt, asking: false };
  if (isOver(lease, now)) return { slot: IDLE, commands: [{ type: 'drop', term }] };
  if (leaving) return release(term, IDLE);
  return { slot: { stage: 'taking', lease, trying: true }, commands: [{ type: 'take_over', term }] };
}

function taking(slot: Slot & { readonly stage: 'taking' }, event: SlotEvent, now: Instant, leaving: boolean): SlotStep {
  const { lease, trying } = slot;
  const { term } = lease;
  switch (event.type) {
    case 'tick': {
      const renewal = renew(lease, now, false);
      return {
        slot: { stage: 'taking', lease: renewal.lease, trying: true },
        commands: [...renewal.commands, ...(trying ? [] : [{ type: 'take_over', term } as const])],
      };
    }
    case 'fence_answered':
      if (event.result === 'unknown') return stay({ ...slot, trying: false });
      if (event.result !== 'written') return release(term, { stage: 'idle', termAbove: event.result.above });
      if (leaving) return release(term, IDLE);
      return { slot: { stage: 'owned', lease, wonAt: now, leaving: false }, commands: [{ type: 'start', term }] };
    case 'renewal_answered':
      return renewed(slot, event.result, now);
    default:
      return stay(slot);
  }
}

function owned(slot: Slot & { readonly stage: 'owned' }, event: SlotEvent, now: Instant): SlotStep {
  const { term } = slot.lease;
  switch (event.type) {
    case 'renewal_due': {
      const { lease, commands } = renew(slot.lease, now, true);
      return { slot: { ...slot, lease }, commands };
    }
    case 'renewal_answered':
      return renewed(slot, event.result, now);
    case 'hand_over':
      if (slot.leaving) return stay(slot);
      return { slot: { ...slot, leaving: true }, commands: [{ type: 'stop', term, reason: 'handed_over' }] };
    case 'work_ended':
      return release(term, slot.leaving ? IDLE : resting(now));
    default:
      return stay(slot);
  }
}

function renew(
  lease: Lease,
  now: Instant,
  settled: boolean,
): { readonly lease: Lease; readonly commands: readonly SlotCommand[] } {
  if (lease.asking || !hasPassed(lease.askedAt, RENEW_EVERY_MS, now)) return { lease, commands: [] };
  return {
    lease: { ...lease, askedAt: now, asking: true },
    commands: [{ type: 'renew', term: lease.term, settled }],
  };
}

function renewed(
  slot: Slot & { readonly stage: 'taking' | 'owned' },
  result: 'kept' | 'refused' | 'unknown',
  now: Instant,
): SlotStep {
  if (result === 'refused') return lose(slot, now);
  const since = result === 'kept' ? slot.lease.askedAt : slot.lease.since;
  return stay({ ...slot, lease: { ...slot.lease, since, asking: false } });
}

function release(term: number, after: IdleSlot): SlotStep {
  return { slot: { stage: 'releasing', term, after }, commands: [{ type: 'release', term }] };
}

function resting(now: Instant): IdleSlot {
  return { stage: 'idle', termAbove: 0, restsSince: now };
}

function stay(slot: Slot): SlotStep {
  return { slot, commands: [] };
}
