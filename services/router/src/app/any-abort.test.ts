import { expect, test } from 'vitest';
import { AnyAbort } from './any-abort.ts';

test('aborts with the first of its sources, for the same reason', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  using any = new AnyAbort([first.signal, second.signal]);
  expect(any.signal.aborted).toBe(false);
  second.abort('second');
  first.abort('first');
  expect(any.signal.reason).toBe('second');
});

test('is aborted from the start where a source is', () => {
  using any = new AnyAbort([new AbortController().signal, AbortSignal.abort('before')]);
  expect(any.signal.reason).toBe('before');
});

test('aborts when it is told to, and its sources do not', () => {
  const source = new AbortController();
  using any = new AnyAbort([source.signal]);
  any.abort('told');
  expect(any.signal.reason).toBe('told');
  expect(source.signal.aborted).toBe(false);
});

test('follows nobody once it is disposed of', () => {
  const source = new AbortController();
  const any = new AnyAbort([source.signal]);
  any[Symbol.dispose]();
  source.abort();
  expect(any.signal.aborted).toBe(false);
});
