import { hasPassed, type Instant } from './instant.ts';
import { shareOf, startingAt, type OwnerView } from './share.ts';
import { IDLE, isResting, stepSlot, type Slot, type SlotCommand, type SlotEvent } from './slot.ts';
import { BEAT_EVERY_MS, STUCK_MS } from './timing.ts';

/** What a process knows of all ids: (state, event, now) -> (state, commands), and nothing else. */
export interface OwnershipState {
  readonly holder: string;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly owners: ReadonlyMap<string, OwnerView>;
  readonly isLooking: boolean;
  readonly beatAt: Instant | undefined;
  readonly leaving: boolean;
}

/** `members`: who is alive by mongod's clock, those that came first at the front. */
export interface View {
  readonly owners: readonly OwnerView[];
  readonly members: readonly string[];
}

export type OwnershipInput =
  | { readonly type: 'tick' }
  | { readonly type: 'looked'; readonly view: View | undefined }
  | { readonly type: 'leave' }
  | { readonly type: 'slot'; readonly id: string; readonly event: SlotEvent };

export type OwnershipCommand =
  /** Read the view; with `beat`, say first that this process is alive. */
  | { readonly type: 'look'; readonly beat: boolean }
  | { readonly type: 'resign' }
  | (SlotCommand & { readonly id: string });

export interface OwnershipStep {
  readonly state: OwnershipState;
  readonly commands: readonly OwnershipCommand[];
}

export function initialState(holder: string, ids: readonly string[]): OwnershipState {
  return {
    holder,
    slots: new Map(ids.map((id) => [id, IDLE])),
    owners: new Map(),
    isLooking: false,
    beatAt: undefined,
    leaving: false,
  };
}

export function stepOwnership(state: OwnershipState, event: OwnershipInput, now: Instant): OwnershipStep {
  switch (event.type) {
    case 'tick':
      return tick(state, now);
    case 'looked':
      return looked({ ...state, isLooking: false }, event.view, now);
    case 'leave':
      if (state.leaving) return { state, commands: [] };
      return eachSlot({ ...state, leaving: true }, state.slots.keys(), { type: 'hand_over' }, now, resign(state));
    case 'slot':
      return eachSlot(state, [event.id], event.event, now);
  }
}

/** A beat that is on its way would bring the member back, and its share would wait for nobody: resign after it. */
function resign({ isLooking }: OwnershipState): readonly OwnershipCommand[] {
  return isLooking ? [] : [{ type: 'resign' }];
}

/** Nothing is owned, claimed or about to be. */
export function isOut(state: OwnershipState): boolean {
  return !state.isLooking && [...state.slots.values()].every(({ stage }) => stage === 'idle');
}

function tick(state: OwnershipState, now: Instant): OwnershipStep {
  const { state: next, commands } = eachSlot(state, state.slots.keys(), { type: 'tick' }, now);
  if (next.isLooking || next.leaving) return { state: next, commands };
  // work that does not end leaves an id that this process cannot take again: it leaves its share to others meanwhile
  const isStuck = [...next.slots.values()].some((slot) => slot.stage === 'lost' && hasPassed(slot.at, STUCK_MS, now));
  if (isStuck) {
    const resigned = next.beatAt === undefined ? [] : [{ type: 'resign' } as const];
    const look = { type: 'look', beat: false } as const;
    return { state: { ...next, isLooking: true, beatAt: undefined }, commands: [...commands, ...resigned, look] };
  }
  const beat = next.beatAt === undefined || hasPassed(next.beatAt, BEAT_EVERY_MS, now);
  return {
    state: { ...next, isLooking: true, beatAt: beat ? now : next.beatAt },
    commands: [...commands, { type: 'look', beat }],
  };
}

function looked(state: OwnershipState, view: View | undefined, now: Instant): OwnershipStep {
  if (state.leaving) return { state, commands: resign(state) };
  if (view === undefined) return { state, commands: [] };
  const next = { ...state, owners: new Map(view.owners.map((owner) => [owner.id, owner])) };
  const rank = view.members.indexOf(state.holder);
  if (rank === -1) return { state: next, commands: [] };
  const share = shareOf(state.slots.size, view.members.length, rank);
  const held = [...state.slots].filter(([, slot]) => isKept(slot));
  if (held.length > share) return handOverOne(next, now);
  const first = Math.floor((rank * view.owners.length) / view.members.length);
  const free = startingAt(view.owners, first).filter((owner) => mayClaim(next, owner, now));
  return free
    .slice(0, share - held.length)
    .reduce<OwnershipStep>(
      (step, { id, term }) => eachSlot(step.state, [id], { type: 'claim', seenTerm: term }, now, step.commands),
      { state: next, commands: [] },
    );
}

function isKept(slot: Slot): boolean {
  return slot.stage === 'claiming' || slot.stage === 'taking' || (slot.stage === 'owned' && !slot.leaving);
}

/** A process' own name with an idle slot is a claim whose answer was lost, or what it had before it stopped. */
function mayClaim({ slots, holder }: OwnershipState, owner: OwnerView, now: Instant): boolean {
  const slot = slots.get(owner.id);
  return slot?.stage === 'idle' && !isResting(slot, now) && (owner.isOver || owner.holder === holder);
}

/** One at a time, the one held longest, so that what moved last does not move again. */
function handOverOne(state: OwnershipState, now: Instant): OwnershipStep {
  const slots = [...state.slots];
  const isMoving = slots.some(([, slot]) => slot.stage === 'releasing' || (slot.stage === 'owned' && slot.leaving));
  const [longest] = slots
    .flatMap(([id, slot]) => (slot.stage === 'owned' ? [{ id, wonMs: slot.wonAt.monotonicMs }] : []))
    .toSorted((one, other) => one.wonMs - other.wonMs);
  if (isMoving || longest === undefined) return { state, commands: [] };
  return eachSlot(state, [longest.id], { type: 'hand_over' }, now);
}

function eachSlot(
  state: OwnershipState,
  ids: Iterable<string>,
  event: SlotEvent,
  now: Instant,
  before: readonly OwnershipCommand[] = [],
): OwnershipStep {
  const slots = new Map(state.slots);
  const commands = [...before];
  for (const id of ids) {
    const slot = slots.get(id);
    if (slot === undefined) continue;
    const step = stepSlot(slot, event, now, state.leaving);
    slots.set(id, step.slot);
    commands.push(...step.commands.map((command) => ({ ...command, id })));
  }
  return { state: { ...state, slots }, commands };
}
