import { describe, expect, test } from 'vitest';
import { CHECK_ROUND_MS, judgeCheck, type RouteCheck } from './proxy-check-round.ts';

const NOW = 1_000_000;
const check = (route: string, result: RouteCheck['result'], agoMs = 0): RouteCheck => ({
  route,
  result,
  atMs: NOW - agoMs,
});

describe('a check of a proxy', () => {
  test('that went well, or failed at the proxy, speaks for itself', () => {
    for (const others of [[], [check('b', 'ok')], [check('b', 'target')]]) {
      expect(judgeCheck(check('a', 'ok'), others)).toBe('works');
      expect(judgeCheck(check('a', 'proxy'), others)).toBe('fails');
    }
  });

  test('that does not reach the provider counts against the proxy where another way does', () => {
    expect(judgeCheck(check('a', 'target'), [check('b', 'target'), check('c', 'ok', 30_000)])).toBe('fails');
    expect(judgeCheck(check('a', 'target'), [check('direct', 'ok', 30_000)])).toBe('fails');
  });

  test('that does not reach the provider says nothing where nobody does, or where there is nobody else', () => {
    expect(judgeCheck(check('a', 'target'), [check('b', 'target'), check('c', 'proxy')])).toBe('unknown');
    expect(judgeCheck(check('a', 'target'), [])).toBe('unknown');
  });

  test('is not compared with itself: what this proxy reached before is no other way', () => {
    expect(judgeCheck(check('a', 'target'), [check('a', 'ok', 10_000)])).toBe('unknown');
  });

  test('is compared with the last check of each other way, in whatever order they come, and with no older round', () => {
    const wasReached = [check('b', 'ok', 40_000), check('b', 'target', 5_000)];
    expect(judgeCheck(check('a', 'target'), wasReached)).toBe('unknown');
    expect(judgeCheck(check('a', 'target'), wasReached.toReversed())).toBe('unknown');
    expect(judgeCheck(check('a', 'target'), [check('b', 'ok', CHECK_ROUND_MS)])).toBe('fails');
    expect(judgeCheck(check('a', 'target'), [check('b', 'ok', CHECK_ROUND_MS + 1)])).toBe('unknown');
  });
});
