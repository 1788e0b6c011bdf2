import { expect, test } from 'vitest';
import { AnthropicObserver } from './anthropic-observer.ts';
import type { StreamObserver } from './stream-observer.ts';
import { StreamTap } from './stream-tap.ts';

function observe(events: readonly object[], named = true): StreamObserver {
  const tap = new StreamTap(new AnthropicObserver());
  for (const event of events) {
    const name = named && 'type' in event ? `event: ${String(event.type)}\n` : '';
    tap.push(Buffer.from(`${name}data: ${JSON.stringify(event)}\n\n`), () => undefined);
  }
  tap.end();
  return tap.observer;
}

const start = (usage: object): object => ({ type: 'message_start', message: { model: 'claude-x', usage } });
const delta = (usage: object): object => ({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage });
const text = (value: string): object => ({
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text: value },
});
const stop = { type: 'message_stop' };
const none = { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };

test.each([
  [
    'web search: the delta',
    { input_tokens: 2037, output_tokens: 1 },
    { input_tokens: 15665, output_tokens: 500 },
    [{ model: undefined, tokens: { ...none, input: 15665, output: 500 } }],
  ],
  [
    'code execution and cache: the delta',
    { input_tokens: 5, cache_creation_input_tokens: 3068, cache_read_input_tokens: 0, output_tokens: 1 },
    { input_tokens: 9, cache_creation_input_tokens: 3337, cache_read_input_tokens: 6289, output_tokens: 700 },
    [{ model: undefined, tokens: { ...none, input: 9, cacheWrite5m: 3337, cacheRead: 6289, output: 700 } }],
  ],
  [
    'compaction: the delta plus the compaction',
    { input_tokens: 60385, output_tokens: 1 },
    {
      input_tokens: 612,
      output_tokens: 2819,
      iterations: [
        { type: 'compaction', input_tokens: 60385, output_tokens: 522 },
        { type: 'message', input_tokens: 612, output_tokens: 2819 },
      ],
    },
    [
      { model: undefined, tokens: { ...none, input: 60385, output: 522 } },
      { model: undefined, tokens: { ...none, input: 612, output: 2819 } },
    ],
  ],
  [
    'compaction and cache: the zero of the delta stands, the iteration has the read',
    { input_tokens: 3, cache_read_input_tokens: 55096, output_tokens: 1 },
    {
      input_tokens: 600,
      cache_read_input_tokens: 0,
      output_tokens: 100,
      iterations: [
        { type: 'compaction', input_tokens: 3, cache_read_input_tokens: 55096, output_tokens: 83 },
        { type: 'message', input_tokens: 600, cache_read_input_tokens: 0, output_tokens: 100 },
      ],
    },
    [
      { model: undefined, tokens: { ...none, input: 3, cacheRead: 55096, output: 83 } },
      { model: undefined, tokens: { ...none, input: 600, output: 100 } },
    ],
  ],
  [
    "advisor: its tokens at its model's price",
    { input_tokens: 1051, output_tokens: 1 },
    {
      input_tokens: 4727,
      output_tokens: 3391,
      iterations: [
        { type: 'message', input_tokens: 1051, output_tokens: 391 },
        { type: 'advisor_message', model: 'claude-advisor', input_tokens: 2728, output_tokens: 3880 },
        { type: 'message', input_tokens: 3676, output_tokens: 3000 },
      ],
    },
    [
      { model: undefined, tokens: { ...none, input: 1051, output: 391 } },
      { model: 'claude-advisor', tokens: { ...none, input: 2728, output: 3880 } },
      { model: undefined, tokens: { ...none, input: 3676, output: 3000 } },
    ],
  ],
  [
    'older upstreams: the delta has the output only',
    { input_tokens: 25, cache_read_input_tokens: 7, output_tokens: 1 },
    { output_tokens: 15 },
    [{ model: undefined, tokens: { ...none, input: 25, cacheRead: 7, output: 15 } }],
  ],
  [
    'zero stands, null does not',
    { input_tokens: 25, cache_read_input_tokens: 7, output_tokens: 1 },
    { input_tokens: null, cache_read_input_tokens: 0, output_tokens: 0 },
    [{ model: undefined, tokens: { ...none, input: 25 } }],
  ],
  [
    'empty iterations are none',
    { input_tokens: 25, output_tokens: 1 },
    { output_tokens: 4, iterations: [] },
    [{ model: undefined, tokens: { ...none, input: 25, output: 4 } }],
  ],
])('charges %s', (_, first, last, parts) => {
  const { usage } = observe([start(first), text('a'), delta(last), stop]);
  expect(usage).toMatchObject({ parts, final: true, faults: [] });
});

const tokensOf = (first: object, last: object): unknown => observe([start(first), delta(last)]).usage?.tokens;

const written = (five: number, hour: number): object => ({
  input_tokens: 1,
  output_tokens: 1,
  cache_creation_input_tokens: five + hour,
  cache_creation: { ephemeral_5m_input_tokens: five, ephemeral_1h_input_tokens: hour },
});

test('keeps the lifetimes of cache writes apart', () => {
  expect(tokensOf(written(10, 20), { output_tokens: 2 })).toMatchObject({ cacheWrite5m: 10, cacheWrite1h: 20 });
  // The delta has no split: what came later was written as all before it, else for five minutes.
  expect(tokensOf(written(0, 20), { cache_creation_input_tokens: 25 })).toMatchObject({
    cacheWrite5m: 0,
    cacheWrite1h: 25,
  });
  expect(tokensOf(written(10, 20), { cache_creation_input_tokens: 35 })).toMatchObject({
    cacheWrite5m: 15,
    cacheWrite1h: 20,
  });
});

const faultsOf = (last: object): unknown =>
  observe([start({ input_tokens: 5, output_tokens: 1 }), delta(last)]).usage?.faults;

test('reports numbers that do not fit together', () => {
  expect(faultsOf({ output_tokens: 50, iterations: [{ input_tokens: 5, output_tokens: 2 }] })).toEqual([
    'iterations_below_total',
  ]);
  expect(
    faultsOf({ output_tokens: 5, cache_creation_input_tokens: 3, cache_creation: { ephemeral_1h_input_tokens: 9 } }),
  ).toEqual(['cache_write_split_mismatch']);
});

test('a stream that was cut has the numbers of its head, not as final', () => {
  const seen = observe([start({ input_tokens: 25, output_tokens: 1 }), text('héllo'), text('x')]);
  expect(seen).toMatchObject({ complete: false, contentDeltas: 2, contentBytes: 7, model: 'claude-x' });
  expect(seen.usage).toMatchObject({ tokens: { input: 25, output: 1 }, final: false });
});

test('only message_stop completes, and an error before content is told apart', () => {
  const head = start({ input_tokens: 1, output_tokens: 1, service_tier: 'priority' });
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
  const ping = { type: 'ping' };
  expect(observe([head, text('a'), delta({ output_tokens: 2 })]).complete).toBe(false);
  expect(observe([head, text('a'), delta({ output_tokens: 2 }), stop])).toMatchObject({
    complete: true,
    finishReason: 'end_turn',
    serviceTier: 'priority',
  });
  expect(observe([head, ping, block, error])).toMatchObject({
    error: { type: 'overloaded_error', message: 'Overloaded' },
    errorBeforeContent: true,
    complete: false,
  });
  expect(observe([head, text('a'), error, stop])).toMatchObject({ errorBeforeContent: false, complete: false });
});

const contentSeen = (block: object): boolean =>
  observe([{ type: 'content_block_start', index: 0, content_block: block }]).contentSeen;

test('a block that is more than an empty text is content', () => {
  expect(contentSeen({ type: 'thinking', thinking: '', signature: '' })).toBe(false);
  expect(contentSeen({ type: 'tool_use', id: 't', name: 'f', input: {} })).toBe(true);
  expect(contentSeen({ type: 'web_search_tool_result', content: 'x'.repeat(600) })).toBe(true);
});

test('without event lines the numbers are read, but clients never see the end', () => {
  const seen = observe(
    [start({ input_tokens: 4, output_tokens: 1 }), text('abc'), delta({ output_tokens: 9 }), stop],
    false,
  );
  expect(seen.usage?.tokens).toMatchObject({ input: 4, output: 9 });
  expect(seen).toMatchObject({ complete: false, contentDeltas: 1, contentBytes: 3 });
});

test('malformed events are counted and never throw', () => {
  const tap = new StreamTap(new AnthropicObserver());
  const events = [
    'event: message_start\ndata: {',
    'event: content_block_delta\ndata: {"a',
    'data: x',
    'event: message_delta\ndata: []',
  ];
  for (const event of events) tap.push(Buffer.from(`${event}\n\n`), () => undefined);
  expect(tap.observer.malformedEvents).toBe(4);
});
