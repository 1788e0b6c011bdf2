import { describe, expect, test } from 'vitest';
import { describeExit, whyNotRestart } from './restart-policy.ts';

const KILLED = { code: null, signal: 'SIGKILL' } as const;
const CRASHED = { code: 1, signal: null };
const ENDED = { code: 0, signal: null };

describe('a process that ended by itself', () => {
  test('is started again when it was killed, however young it was', () => {
    expect(whyNotRestart({ exit: KILLED, ranMs: 5, restartAgesMs: [] })).toBeUndefined();
  });

  test('is started again when somebody ended it in an orderly way', () => {
    expect(whyNotRestart({ exit: ENDED, ranMs: 5, restartAgesMs: [] })).toBeUndefined();
  });

  test('is started again when it crashed after a while, but not right after its start', () => {
    expect(whyNotRestart({ exit: CRASHED, ranMs: 10_000, restartAgesMs: [] })).toBeUndefined();
    expect(whyNotRestart({ exit: CRASHED, ranMs: 9_900, restartAgesMs: [] })).toBe('9.9 s after its start');
  });

  test('is started again three times within a minute and not a fourth time', () => {
    expect(whyNotRestart({ exit: KILLED, ranMs: 5, restartAgesMs: [59_999, 100] })).toBeUndefined();
    expect(whyNotRestart({ exit: KILLED, ranMs: 5, restartAgesMs: [59_999, 200, 100] })).toBe(
      'after 3 restarts within a minute',
    );
    expect(whyNotRestart({ exit: KILLED, ranMs: 5, restartAgesMs: [60_000, 200, 100] })).toBeUndefined();
  });

  test('is described by what ended it', () => {
    expect(describeExit(KILLED)).toBe('was killed (SIGKILL)');
    expect(describeExit(CRASHED)).toBe('ended with exit code 1');
  });
});
