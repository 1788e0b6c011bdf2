import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyRing } from './key-ring.ts';

const any = (): boolean => true;

test('keys have their turn in the order in which they came', () => {
  const ring = new KeyRing();
  for (const id of ['a', 'b', 'c']) ring.add(id);
  expect(Array.from({ length: 7 }, () => ring.next(any))).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
});

test('nothing comes of an empty ring, nor of one where nothing fits', () => {
  const ring = new KeyRing();
  expect(ring.next(any)).toBeUndefined();
  ring.add('a');
  expect(ring.next(() => false)).toBeUndefined();
  ring.remove('a');
  expect(ring.next(any)).toBeUndefined();
});

test('whoever comes and goes, those that stay have had as many turns as each other, give or take one', () => {
  const stayed = ['s0', 's1', 's2', 's3'];
  const step = fc.record({ do: fc.constantFrom('next', 'next', 'add', 'remove'), id: fc.nat({ max: 5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new KeyRing();
      const present = new Set(stayed);
      for (const id of stayed) ring.add(id);
      const turns = new Map(stayed.map((id) => [id, 0]));
      for (const { do: action, id } of steps) {
        if (action === 'add') {
          ring.add(`k${id}`);
          present.add(`k${id}`);
        } else if (action === 'remove') {
          ring.remove(`k${id}`);
          present.delete(`k${id}`);
        } else {
          const keyId = ring.next(any) ?? '';
          expect(present).toContain(keyId);
          if (turns.has(keyId)) turns.set(keyId, (turns.get(keyId) ?? 0) + 1);
        }
        expect(ring.size).toBe(present.size);
        expect(Math.max(...turns.values()) - Math.min(...turns.values())).toBeLessThanOrEqual(1);
      }
      const round = Array.from({ length: ring.size }, () => ring.next(any));
      expect(new Set(round)).toEqual(present);
    }),
  );
});
