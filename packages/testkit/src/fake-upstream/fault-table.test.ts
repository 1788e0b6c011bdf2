import { describe, expect, test } from 'vitest';

import { parseFaultRules } from './fault-rule.ts';
import type { FaultRuleInput } from './fault-rule.ts';
import { FaultTable } from './fault-table.ts';
import type { RequestFacts } from './fault-table.ts';

const FACTS: RequestFacts = {
  key: 'key-1',
  proxy: 'direct',
  model: 'claude-haiku-4-5',
  path: '/base/v1/messages',
  dialect: 'anthropic',
  stream: true,
};

function tableOf(rules: FaultRuleInput[], now = { ms: 0 }): FaultTable {
  const table = new FaultTable({ tokens: { output: 7 } }, () => now.ms);
  const parsed = parseFaultRules(rules);
  if (!parsed.ok) throw new Error(parsed.problems.join('; '));
  for (const rule of parsed.value) table.add(rule);
  return table;
}

function picks(table: FaultTable, count: number): Array<string | number | null> {
  return Array.from({ length: count }, () => {
    const picked = table.pick(FACTS);
    if (picked === null) return null;
    const { fault } = picked.scenario;
    return fault?.kind === 'status' ? fault.status : (fault?.kind ?? 'normal');
  });
}

describe('FaultTable', () => {
  const MATCHES: ReadonlyArray<readonly [NonNullable<FaultRuleInput['match']>, boolean]> = [
    [{ key: 'key-1' }, true],
    [{ key: ['other', 'key-1'] }, true],
    [{ key: 'key-2' }, false],
    [{ key: 'key-*' }, true],
    [{ key: 'ey-1' }, false],
    [{ proxy: 'direct' }, true],
    [{ proxy: 'proxy-*' }, false],
    [{ model: 'claude-*' }, true],
    [{ model: 'claude.haiku-4-5' }, false],
    [{ path: '/v1/messages' }, true],
    [{ path: '/base/v1/messages' }, true],
    [{ path: '/v1' }, false],
    [{ dialect: 'openai' }, false],
    [{ stream: true, dialect: 'anthropic', key: 'key-1' }, true],
    [{ stream: false, dialect: 'anthropic', key: 'key-1' }, false],
  ];
  test.for(MATCHES)('a rule for %j matches: %s', ([match, expected]) => {
    expect(tableOf([{ match, fault: 500 }]).pick(FACTS) !== null).toBe(expected);
  });

  test('a request without a key or a model matches no rule that asks for one', () => {
    const table = tableOf([
      { match: { key: '*' }, fault: 500 },
      { match: { model: '*' }, fault: 500 },
    ]);
    expect(table.pick({ ...FACTS, key: null, model: null })).toBeNull();
  });

  test('the first rule that matches and still applies decides', () => {
    expect(picks(tableOf([{ fault: 401, times: 2 }, { fault: 503 }]), 3)).toEqual([401, 401, 503]);
  });

  test('recovers after so many times, and lets the first ones pass', () => {
    expect(picks(tableOf([{ fault: 429, times: 2, skip: 1 }]), 5)).toEqual([null, 429, 429, null, null]);
    expect(picks(tableOf([{ fault: 429, once: true }]), 2)).toEqual([429, null]);
  });

  test('recovers after a period', () => {
    const now = { ms: 1000 };
    const table = tableOf([{ fault: 429, forMs: 50 }], now);
    now.ms = 1049;
    expect(picks(table, 1)).toEqual([429]);
    now.ms = 1050;
    expect(picks(table, 1)).toEqual([null]);
    expect(table.list()[0]).toMatchObject({ hits: 1, spent: true });
  });

  test('follows a script, and then goes on as told', () => {
    const script = [{ fault: 500 }, null, { fault: 'reset' as const }];
    expect(picks(tableOf([{ script }]), 5)).toEqual([500, 'normal', 'reset', null, null]);
    expect(picks(tableOf([{ script, afterScript: 'repeat-last' }]), 5)).toEqual([
      500,
      'normal',
      'reset',
      'reset',
      'reset',
    ]);
    expect(picks(tableOf([{ script, afterScript: 'cycle' }]), 5)).toEqual([500, 'normal', 'reset', 500, 'normal']);
  });

  test('applies to about the wanted share, and to the same requests each time', () => {
    const first = picks(tableOf([{ fault: 500, share: 0.2, seed: 9 }]), 1000);
    expect(first).toEqual(picks(tableOf([{ fault: 500, share: 0.2, seed: 9 }]), 1000));
    const hits = first.filter((picked) => picked === 500).length;
    expect(hits).toBeGreaterThan(150);
    expect(hits).toBeLessThan(250);
  });

  test('lays the answer over the defaults of the upstream', () => {
    const picked = tableOf([{ answer: { tokens: { input: 3 }, paceMs: 5 } }]).pick(FACTS);
    expect(picked?.scenario).toMatchObject({ tokens: { input: 3, output: 7 }, paceMs: 5, fault: null });
  });

  test('a rule with a known id takes the place of the old one', () => {
    const table = tableOf([
      { id: 'a', fault: 500 },
      { id: 'a', fault: 503 },
    ]);
    expect(picks(table, 1)).toEqual([503]);
    expect(table.remove('a')).toBe(true);
    expect(table.remove('a')).toBe(false);
    expect(picks(table, 1)).toEqual([null]);
  });

  test('counts what it saw and what it hit', () => {
    const table = tableOf([{ fault: 500, skip: 1, times: 1 }]);
    picks(table, 4);
    expect(table.list()).toMatchObject([{ id: 'fault-1', seen: 2, hits: 1, spent: true }]);
  });
});

describe('parseFaultRules', () => {
  test('names every problem at once', () => {
    const parsed = parseFaultRules([
      { match: { kee: 'x' }, fault: 'html-404' },
      { fault: 'cut', answer: {} },
      { fault: 429, times: 0 },
    ]);
    expect(parsed.ok).toBe(false);
    const problems = parsed.ok ? '' : parsed.problems.join('\n');
    expect(problems).toContain('faults[0].match: Unrecognized key: "kee"');
    expect(problems).toContain('faults[0].fault.kind');
    expect(problems).toContain('faults[1]: give exactly one of fault, answer and script');
    expect(problems).toContain('faults[2].times');
  });

  test('understands the short forms', () => {
    const parsed = parseFaultRules([{ fault: 402 }, { fault: 'html-403' }, { fault: 'cut' }]);
    expect(parsed.ok && parsed.value.map((rule) => rule.fault)).toEqual([
      { kind: 'status', status: 402, headers: {}, retryAfterForm: 'seconds' },
      { kind: 'error', name: 'html-403', headers: {}, retryAfterForm: 'seconds' },
      { kind: 'cut', after: { tokens: 1 }, how: 'rst' },
    ]);
  });
});
