import { describe, expect, test } from 'vitest';
import type { Instant } from './instant.ts';
import {
  initialState,
  isOut,
  stepOwnership,
  type OwnershipCommand,
  type OwnershipInput,
  type View,
} from './ownership-state.ts';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const at = (ms: number): Instant => ({ monotonicMs: ms, wallMs: ms });
const free = (members: readonly string[]): View => ({
  members,
  owners: IDS.map((id) => ({ id, holder: '', address: '', term: 0, isOver: true })),
});

function play(...inputs: readonly (readonly [ms: number, OwnershipInput])[]) {
  let state = initialState('me', IDS);
  let commands: readonly OwnershipCommand[] = [];
  for (const [ms, input] of inputs) ({ state, commands } = stepOwnership(state, input, at(ms)));
  return { state, commands };
}

const claimed = (members: readonly string[]): readonly string[] =>
  play([0, { type: 'tick' }], [5, { type: 'looked', view: free(members) }]).commands.flatMap((command) =>
    command.type === 'claim' ? [command.id] : [],
  );

describe('a process', () => {
  test('reaches for its share, and those that start together for different ids', () => {
    expect(claimed(['me'])).toEqual(IDS);
    expect(claimed(['me', 'x'])).toEqual(['a', 'b', 'c', 'd']);
    expect(claimed(['x', 'me'])).toEqual(['e', 'f', 'g', 'h']);
    expect(claimed(['x', 'me', 'y'])).toHaveLength(3);
    expect(claimed(['x', 'y', 'me'])).toHaveLength(2);
  });

  test('that is not counted claims nothing', () => {
    expect(claimed(['x'])).toEqual([]);
  });

  test('that leaves resigns when the beat that is on its way has been answered, not before it', () => {
    const looking = [
      [0, { type: 'tick' }],
      [5, { type: 'leave' }],
    ] as const;
    expect(play(...looking).commands).toEqual([]);
    expect(isOut(play(...looking).state)).toBe(false);
    const answered = play(...looking, [9, { type: 'looked', view: free(['me']) }]);
    expect(answered.commands).toEqual([{ type: 'resign' }]);
    expect(isOut(answered.state)).toBe(true);
  });

  test('says once a second that it is alive, and stops saying it while its work does not end', () => {
    const slot = (event: Extract<OwnershipInput, { type: 'slot' }>['event']): OwnershipInput => ({
      type: 'slot',
      id: 'a',
      event,
    });
    const seen = { type: 'looked', view: undefined } as const;
    const owning = [
      [0, { type: 'tick' }],
      [0, seen],
      [0, slot({ type: 'claim', seenTerm: 0 })],
      [1, slot({ type: 'claim_answered', term: 1, won: true })],
      [2, slot({ type: 'fence_answered', term: 1, result: 'written' })],
    ] as const;
    expect(play(...owning, [900, { type: 'tick' }]).commands).toEqual([{ type: 'look', beat: false }]);
    expect(play(...owning, [1_000, { type: 'tick' }]).commands).toEqual([{ type: 'look', beat: true }]);
    const stuck = [...owning, [4_000, { type: 'tick' }], [4_001, seen], [5_000, { type: 'tick' }]] as const;
    expect(play(...stuck).commands).toEqual([{ type: 'resign' }, { type: 'look', beat: false }]);
    const freed = [...stuck, [5_001, seen], [5_100, slot({ type: 'work_ended', term: 1 })]] as const;
    expect(play(...freed, [5_200, { type: 'tick' }]).commands).toEqual([{ type: 'look', beat: true }]);
  });
});
