import { AffinityView, KeyRing, bucketOf } from '@omg/affinity';
import { expect, test } from 'vitest';
import { AFFINITY_DEFAULTS, AffinityTable } from './affinity-table.ts';

const KEYS = 20;
const SLOTS = 50;
const LOAD = 0.6;
const TURN_S = 10;
const THINK_S = 20;
const TURNS = 20;
const SECONDS = 3_600;

interface Conversation {
  hash: number;
  keyId: string | undefined;
  turnsLeft: number;
}

interface Figures {
  readonly turns: number;
  readonly changesPer100: number;
  /** Changes that no table avoids: the conversation's key could not be used at that turn. */
  readonly forcedPer100: number;
}

/** A small, fast generator, so that the figure is the same at every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Conversations on keys of which each cools down from time to time; a turn whose key is full goes to another one. */
function simulate(cooldown: { readonly everyS: number; readonly forS: number }, seed = 1): Figures {
  const random = randomFrom(seed);
  const exponential = (mean: number): number => Math.max(1, Math.round(-mean * Math.log(1 - random())));
  const newConversation = (): Conversation => ({
    hash: Math.floor(random() * 2 ** 32),
    keyId: undefined,
    turnsLeft: exponential(TURNS),
  });
  const table = new AffinityTable(AFFINITY_DEFAULTS);
  const view = new AffinityView();
  const ring = new KeyRing();
  const coolsUntil = new Map(Array.from({ length: KEYS }, (_, i) => [`k${i}`, 0]));
  for (const id of coolsUntil.keys()) ring.add(id);
  const busy = new Map([...coolsUntil.keys()].map((id) => [id, 0]));
  const starts = new Map<number, Conversation[]>();
  const ends = new Map<number, string[]>();
  const at = <T>(map: Map<number, T[]>, second: number, item: T): void => {
    const items = map.get(second);
    if (items === undefined) map.set(second, [item]);
    else items.push(item);
  };
  const count = (KEYS * SLOTS * LOAD * (TURN_S + THINK_S)) / TURN_S;
  for (let i = 0; i < count; i += 1) at(starts, exponential(THINK_S), newConversation());
  let turns = 0;
  let changes = 0;
  let forced = 0;
  for (let now = 0; now < SECONDS; now += 1) {
    const isUsable = (id: string): boolean => (coolsUntil.get(id) ?? 0) <= now;
    let isChanged = now % 30 === 0;
    for (const [id, until] of coolsUntil) {
      if (until === now) isChanged = true;
      if (until > now || random() >= 1 / cooldown.everyS) continue;
      coolsUntil.set(id, now + cooldown.forS);
      isChanged = true;
    }
    const delta = isChanged ? table.update([...coolsUntil.keys()].filter(isUsable), now * 1_000) : undefined;
    if (delta !== undefined && view.applyDelta(delta) === 'gap') view.applyDelta(table.snapshot());
    for (const id of ends.get(now) ?? []) busy.set(id, (busy.get(id) ?? 0) - 1);
    const hasRoom = (id: string): boolean => isUsable(id) && (busy.get(id) ?? 0) < SLOTS;
    for (const conversation of starts.get(now) ?? []) {
      const wanted = view.lookup(conversation.hash);
      const keyId = wanted !== undefined && hasRoom(wanted) ? wanted : ring.next(hasRoom);
      table.touch(bucketOf(conversation.hash, table.size), now * 1_000);
      if (keyId === undefined) {
        at(starts, now + 1, conversation);
        continue;
      }
      turns += 1;
      const last = conversation.keyId;
      if (last !== undefined && last !== keyId) {
        changes += 1;
        if (!hasRoom(last)) forced += 1;
      }
      busy.set(keyId, (busy.get(keyId) ?? 0) + 1);
      const endsAt = now + exponential(TURN_S);
      at(ends, endsAt, keyId);
      conversation.turnsLeft -= 1;
      const next = conversation.turnsLeft > 0 ? { ...conversation, keyId } : newConversation();
      at(starts, endsAt + exponential(THINK_S), next);
    }
    starts.delete(now);
    ends.delete(now);
  }
  return { turns, changesPer100: (100 * changes) / turns, forcedPer100: (100 * forced) / turns };
}

test.each([
  ['without cooldowns', { everyS: Infinity, forS: 0 }, 0.14],
  ['with a cooldown of 2 s per key every 10 min', { everyS: 600, forS: 2 }, 0.8],
  ['with a cooldown of 60 s per key and hour', { everyS: 3_600, forS: 60 }, 1.5],
])('conversations keep their key at a load of 60 percent, %s', (_, cooldown, most) => {
  const { turns, changesPer100, forcedPer100 } = simulate(cooldown);
  expect(turns).toBeGreaterThan(100_000);
  expect(changesPer100).toBeLessThan(most);
  // nearly all of them had no choice
  expect(changesPer100 - forcedPer100).toBeLessThan(0.25);
});
