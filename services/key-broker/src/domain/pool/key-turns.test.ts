import { expect, test } from 'vitest';
import { KeyTurns } from './key-turns.ts';

const any = (): boolean => true;

function turns(ids: readonly string[], choosy: Readonly<Record<string, readonly string[]>> = {}): KeyTurns {
  const made = new KeyTurns((id, model) => model === '' || (choosy[id]?.includes(model) ?? true));
  for (const id of ids) made.add(id, { isChoosy: choosy[id] !== undefined });
  return made;
}

test('keys without a free slot are not looked at again before one is free', () => {
  const keys = turns(['a', 'b', 'c', 'd']);
  const looked: string[] = [];
  const next = (): string | undefined =>
    keys.next('', (id) => {
      looked.push(id);
      if (id === 'd') return true;
      keys.setFull(id);
      return false;
    });
  expect([next(), looked]).toEqual(['d', ['a', 'b', 'c', 'd']]);
  looked.length = 0;
  expect([next(), next(), looked, keys.size, [...keys.full]]).toEqual(['d', 'd', ['d', 'd'], 4, ['a', 'b', 'c']]);
  keys.setFree('b');
  looked.length = 0;
  expect([next(), next(), looked]).toEqual(['d', 'd', ['d', 'b', 'd']]);
  keys.remove('d');
  expect(next()).toBeUndefined();
});

test('each model has its own turn among the keys that serve it', () => {
  const keys = turns(['a', 'b', 'c', 'd'], { b: ['m'], c: ['m', 'n'] });
  const take = (model: string): string | undefined => keys.next(model, any);
  expect([take('n'), take(''), take('n'), take(''), take('n'), take('')]).toEqual(['a', 'a', 'c', 'b', 'd', 'c']);
  expect([take('m'), take('m'), take('m'), take('m'), take('m')]).toEqual(['a', 'b', 'c', 'd', 'a']);
});

test('a key that serves other models now is in the turns of those', () => {
  const serves: Record<string, readonly string[]> = { a: ['m'] };
  const keys = new KeyTurns((id, model) => model === '' || (serves[id]?.includes(model) ?? true));
  keys.add('a', { isChoosy: true });
  keys.add('b', { isChoosy: false });
  expect([keys.next('n', any), keys.next('n', any)]).toEqual(['b', 'b']);
  serves['a'] = ['n'];
  keys.add('a', { isChoosy: true });
  expect(new Set([keys.next('n', any), keys.next('n', any)])).toEqual(new Set(['a', 'b']));
  expect(keys.next('m', any)).toBe('b');
});

test('as many models as anybody thinks of cost no more than some', () => {
  const keys = turns(['a', 'b'], { a: ['m'] });
  for (let at = 0; at < 1000; at += 1) expect(keys.next(`model-${at}`, any)).toBe('b');
});
