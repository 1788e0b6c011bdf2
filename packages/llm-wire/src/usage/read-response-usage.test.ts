import { expect, test } from 'vitest';
import { readResponseUsage } from './read-response-usage.ts';

const openai = (usage: unknown): ReturnType<typeof readResponseUsage> =>
  readResponseUsage('openai', Buffer.from(JSON.stringify({ model: 'm', choices: [{ finish_reason: 'stop' }], usage })));

test('takes cache reads and writes out of the prompt they are part of', () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
    completion_tokens_details: { reasoning_tokens: 15 },
  };
  expect(openai(usage)).toMatchObject({
    finishReason: 'stop',
    model: 'm',
    usage: {
      tokens: { input: 30, output: 20, cacheWrite5m: 10, cacheWrite1h: 0, cacheRead: 60 },
      final: true,
      faults: [],
    },
  });
});

test.each([
  [
    'a total that is not the sum',
    { prompt_tokens: 5, completion_tokens: 5, total_tokens: 12 },
    { input: 5 },
    ['total_mismatch'],
  ],
  [
    'more cached than there is prompt',
    { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6, prompt_tokens_details: { cached_tokens: 9 } },
    { input: 0, cacheRead: 9 },
    ['cached_exceeds_prompt'],
  ],
  [
    'cached tokens that are counted apart',
    { prompt_tokens: 5, completion_tokens: 1, total_tokens: 15, prompt_tokens_details: { cached_tokens: 9 } },
    { input: 5, cacheRead: 9 },
    ['cached_exceeds_prompt'],
  ],
  ['a missing output', { prompt_tokens: 5, completion_tokens: null }, { input: 5, output: 0 }, ['output_missing']],
])('reports %s', (_, usage, tokens, faults) => {
  expect(openai(usage)?.usage).toMatchObject({ tokens, faults });
});

test('zero is a value, null and absent are not', () => {
  expect(openai({ prompt_tokens: 0, completion_tokens: 0 })?.usage?.tokens).toMatchObject({ input: 0, output: 0 });
  expect(openai(null)?.usage).toBeUndefined();
  expect(openai({})?.usage).toBeUndefined();
  expect(openai({ prompt_tokens: '7', completion_tokens: -1 })?.usage).toBeUndefined();
});

test('reads a message of the Anthropic dialect', () => {
  const body = {
    type: 'message',
    model: 'claude-x',
    stop_reason: 'end_turn',
    usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 5, service_tier: 'standard' },
  };
  expect(readResponseUsage('anthropic', Buffer.from(JSON.stringify(body)))).toMatchObject({
    model: 'claude-x',
    finishReason: 'end_turn',
    serviceTier: 'standard',
    usage: { tokens: { input: 3, cacheRead: 4, output: 5 }, final: true },
  });
});

test('an error inside a 200 is seen, and a body that is no JSON object is not an answer', () => {
  expect(readResponseUsage('openai', Buffer.from('{"error":{"message":"no"}}'))?.error?.message).toBe('no');
  expect(readResponseUsage('openai', Buffer.from('<html>'))).toBeUndefined();
  expect(readResponseUsage('anthropic', Buffer.from('[]'))).toBeUndefined();
});
