import { beforeEach, expect, test } from 'vitest';
import { BadKeyLimit } from './bad-key-limit.ts';

let nowMs: number;
let limit: BadKeyLimit;
beforeEach(() => {
  nowMs = 1_000;
  limit = new BadKeyLimit({ perMinute: 6, maxAddresses: 3, clock: { monotonicMs: () => nowMs } });
});

const present = (address: string, times: number): void => {
  for (let time = 0; time < times; time += 1) limit.count(address);
};

test('a minute’s worth of wrong keys may come at once, and then one each ten seconds', () => {
  present('192.0.2.1', 5);
  expect(limit.waitMs('192.0.2.1')).toBe(0);
  present('192.0.2.1', 1);
  expect(limit.waitMs('192.0.2.1')).toBe(10_000);
  nowMs += 9_999;
  expect(limit.waitMs('192.0.2.1')).toBe(1);
  nowMs += 1;
  expect(limit.waitMs('192.0.2.1')).toBe(0);
  present('192.0.2.1', 1);
  expect(limit.waitMs('192.0.2.1')).toBe(10_000);
});

test('what came at once beyond that is a debt, of a minute at most', () => {
  present('192.0.2.1', 1_000);
  expect(limit.waitMs('192.0.2.1')).toBe(70_000);
});

test('addresses do not stand in for each other, but those of one IPv6 network do', () => {
  present('192.0.2.1', 6);
  expect(limit.waitMs('192.0.2.2')).toBe(0);
  for (let host = 1; host <= 6; host += 1) limit.count(`2001:db8::${host}`);
  expect(limit.waitMs('2001:db8::ffff')).toBe(10_000);
  expect(limit.waitMs('2001:db8:0:1::1')).toBe(0);
});

test('only so many addresses are remembered, the latest ones', () => {
  present('192.0.2.1', 6);
  present('192.0.2.2', 6);
  present('192.0.2.3', 6);
  present('192.0.2.1', 1);
  present('192.0.2.4', 6);
  expect(['1', '2', '3', '4'].map((host) => limit.waitMs(`192.0.2.${host}`) > 0)).toEqual([true, false, true, true]);
});
