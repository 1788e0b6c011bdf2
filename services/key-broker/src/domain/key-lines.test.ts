import { describe, expect, test } from 'vitest';
import { parseKeyLines } from './key-lines.ts';

describe('lines of id|apiKey', () => {
  test('are keys; comments and empty lines are none, and line numbers are those of the file', () => {
    const text = '\uFEFF# keys of March\r\nfirst|sk-1\r\n\r\n  second | sk-2  \n#third|sk-3\nfourth|sk-4';
    expect(parseKeyLines(text)).toEqual({
      entries: [
        { at: 2, id: 'first', apiKey: 'sk-1' },
        { at: 4, id: 'second', apiKey: 'sk-2' },
        { at: 6, id: 'fourth', apiKey: 'sk-4' },
      ],
      faults: [],
    });
  });

  test.each([
    ['sk-secret', 'it is not id|apiKey'],
    ['a|sk-secret|more', 'it has more than one |'],
    ['|sk-secret', 'it has no name'],
    ['a| ', 'it has no key'],
  ])('%j is refused by its number, without a word of it', (line, reason) => {
    const parsed = parseKeyLines(`good|sk-1\n${line}\n`);
    expect(parsed.faults).toEqual([{ at: 2, reason }]);
    expect(parsed.entries).toHaveLength(1);
    expect(JSON.stringify(parsed.faults)).not.toContain('sk-secret');
  });
});

describe('JSON', () => {
  const full = {
    _id: 'a',
    apiKey: 'sk-1',
    isEnabled: false,
    enableFailover: true,
    allowedModels: ['m'],
    slots: 7,
    requestsPerMinute: 60,
    tokensPerMinute: 90_000,
    status: 'exhausted',
    tokensUsed: 5,
  };
  const read = {
    id: 'a',
    apiKey: 'sk-1',
    enabled: false,
    enableFailover: true,
    allowedModels: ['m'],
    slots: 7,
    requestsPerMinute: 60,
    tokensPerMinute: 90_000,
  };

  test.each([
    ['an array', JSON.stringify([full, { id: 'b', apiKey: 'sk-2' }], null, 2), 1, 2],
    ['lines', `# both\n${JSON.stringify(full)}\n${JSON.stringify({ id: 'b', apiKey: 'sk-2', slots: null })}\n`, 2, 3],
    ['mixed lines', `${JSON.stringify(full)}\n\nb|sk-2`, 1, 3],
  ])('as %s gives the terms of keys, and nothing of their state', (_, text, first, second) => {
    expect(parseKeyLines(text)).toEqual({
      entries: [
        { at: first, ...read },
        { at: second, id: 'b', apiKey: 'sk-2' },
      ],
      faults: [],
    });
  });

  test('of mongoexport is understood', () => {
    const line = '{"_id":{"$oid":"65f0c0ffee0ddba11ad00001"},"apiKey":"sk-1","slots":{"$numberLong":"9"}}';
    expect(parseKeyLines(line).entries).toEqual([{ at: 1, id: '65f0c0ffee0ddba11ad00001', apiKey: 'sk-1', slots: 9 }]);
  });

  test('that is faulty is refused by its number, without a word of it', () => {
    const bad = [
      '{"_id":"a","apiKey":"sk-secret"',
      '{"apiKey":"sk-secret"}',
      '{"_id":"a","apiKey":5,"slots":"sk-secret","isEnabled":"yes"}',
      '{"_id":"a","apiKey":"sk-secret","slots":0.5,"allowedModels":"m"}',
    ];
    const { entries, faults } = parseKeyLines(bad.join('\n'));
    expect(entries).toEqual([]);
    expect(faults).toEqual([
      { at: 1, reason: 'it is not valid JSON' },
      { at: 2, reason: 'it has no _id (or id)' },
      { at: 3, reason: 'isEnabled is not true or false, slots is not a whole number above 0, it has no apiKey' },
      { at: 4, reason: 'allowedModels is not a list of names, slots is not a whole number above 0' },
    ]);
    expect(parseKeyLines('[{"_id":"a","apiKey":"sk-secret"}').faults).toEqual([
      { at: 1, reason: 'it is not valid JSON' },
    ]);
    expect(parseKeyLines('[5, "sk-secret"]').faults).toEqual([
      { at: 1, reason: 'it is not an object' },
      { at: 2, reason: 'it is not an object' },
    ]);
  });
});
