import { describe, expect, test } from 'vitest';
import { parseBackupKeys, parseKeys } from './parse-keys.ts';

const reasons = (text: string): readonly string[] => parseKeys(text).refusals.map(({ reason }) => reason);

describe('lines', () => {
  test('may be id|apiKey or JSON, with empty ones and comments between, and are counted as in an editor', () => {
    const { unit, entries, refusals } = parseKeys('# old\r\n\r\na | sk-1\r\n{"id":"b","apiKey":"sk-2","slots":3}\n');
    expect([unit, refusals]).toEqual(['line', []]);
    expect(entries).toMatchObject([
      { number: 3, id: 'a', item: { keyId: 'a', fields: { apiKey: 'sk-1' } } },
      { number: 4, id: 'b', item: { keyId: 'b', fields: { apiKey: 'sk-2', slots: 3 } } },
    ]);
  });

  test('each with its own fault, which does not keep the others out', () => {
    const { entries, refusals } = parseKeys('sk-secret\na|sk-1\n|sk-2\nb|\nc|d|e\n{"id":\n');
    expect(entries.map(({ id }) => id)).toEqual(['a']);
    expect(refusals).toEqual([
      { number: 1, id: '', reason: 'id|apiKey is expected' },
      { number: 3, id: '', reason: 'id|apiKey is expected' },
      { number: 4, id: '', reason: 'id|apiKey is expected' },
      { number: 5, id: '', reason: 'id|apiKey is expected' },
      { number: 6, id: '', reason: 'it is not valid JSON' },
    ]);
  });

  test('that come twice, by name or by secret, are refused after the first', () => {
    expect(parseKeys('a|sk-1\na|sk-2\nb|sk-1\nc|sk-3').refusals).toEqual([
      { number: 2, id: 'a', reason: 'it has the id of line 1' },
      { number: 3, id: 'b', reason: 'it has the key of line 1' },
    ]);
  });
});

describe('a JSON list', () => {
  test('has entries with every field of a key, null as good as none', () => {
    const entry = {
      id: 'a',
      apiKey: 'sk-1',
      slots: 0,
      requestsPerMinute: 600,
      tokensPerMinute: 90_000,
      enableFailover: true,
      allowedModels: ['m'],
    };
    expect(parseKeys(JSON.stringify([entry, { id: 'b', apiKey: 'sk-2', slots: null }]))).toMatchObject({
      unit: 'entry',
      entries: [
        { number: 1, item: { fields: { slots: 0, tokensPerMinute: 90_000n, allowedModels: { models: ['m'] } } } },
        { number: 2, item: { keyId: 'b', fields: { slots: undefined } } },
      ],
    });
  });

  test.each([
    ['[{"id":"a"}]', 'it has no apiKey'],
    ['[{"apiKey":"sk-1"}]', 'it has no id'],
    ['[{"id":"a","apiKey":"sk-1","slots":1.5}]', 'slots must be a whole number'],
    ['[{"id":"a","apiKey":"sk-1","slots":-1}]', 'slots must be a whole number'],
    ['[{"id":"a","apiKey":["sk-1"]}]', 'apiKey must be a text'],
    ['[{"id":"a","apiKey":"sk-1","allowedModels":"m"}]', 'allowedModels must be a list of texts'],
    ['[{"id":"a","apiKey":"sk-1","enableFailover":"yes"}]', 'enableFailover must be true or false'],
    ['["a|sk-1"]', 'a JSON object is expected'],
    ['[{"id":"a","apiKey":"sk-1"}', 'it is not valid JSON'],
    [
      '[{"id":"a","apiKey":"sk-1","slotz":1}]',
      'there is no slotz; it may have id, apiKey, slots, requestsPerMinute, tokensPerMinute, enableFailover, allowedModels',
    ],
  ])('%s is refused in a sentence', (text, reason) => {
    expect(reasons(text)).toEqual([reason]);
  });
});

test('no fault quotes the secret', () => {
  const secret = 'sk-never-to-be-seen';
  const texts = [secret, `{${secret}`, `[${secret}`, `{"id":"a","apiKey":${secret}}`, `a|b|${secret}`];
  for (const text of texts) {
    expect(reasons(text)).toHaveLength(1);
    expect(reasons(text).join('')).not.toContain(secret);
  }
});

test('backup keys may have failover of their own and nothing else', () => {
  const text = '[{"id":"a","apiKey":"sk-1","enableFailover":false},{"id":"b","apiKey":"sk-2","slots":1}]';
  expect(parseBackupKeys(text)).toMatchObject({
    entries: [{ item: { keyId: 'a', apiKey: 'sk-1', enableFailover: false } }],
    refusals: [{ number: 2, reason: 'there is no slots; it may have id, apiKey, enableFailover' }],
  });
});
