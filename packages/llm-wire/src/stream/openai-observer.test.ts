import { expect, test } from 'vitest';
import type { StreamObserver } from './stream-observer.ts';
import { OpenAiObserver } from './openai-observer.ts';
import { StreamTap } from './stream-tap.ts';

function observe(events: readonly string[], choices = 1): StreamObserver {
  const tap = new StreamTap(new OpenAiObserver(choices));
  for (const event of events) tap.push(Buffer.from(`${event}\n\n`), () => undefined);
  tap.end();
  return tap.observer;
}

const delta = (inner: string, rest = ''): string =>
  `data: {"id":"1","model":"gpt-x","service_tier":"default","choices":[{"index":0,"delta":${inner},"finish_reason":null}]${rest}}`;
const finish = (index: number): string =>
  `data: {"id":"1","model":"gpt-x","choices":[{"index":${index},"delta":{},"finish_reason":"stop"}]}`;
const usage = (inner: string, choices = '[]'): string =>
  `data: {"id":"1","model":"gpt-x","choices":${choices},"usage":${inner}}`;

test('counts deltas and their bytes, and never the role, padding or logprobs', () => {
  const seen = observe([
    delta('{"role":"assistant","content":""}'),
    delta('{"content":"abc"}', ',"usage":null,"obfuscation":"zzzz"'),
    delta('{"content":"d"}', ',"usage":null,"obfuscation":""'),
    delta('{"reasoning_content":"hm \\"so\\""}'),
    delta('{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}'),
    delta('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\":1}"}}]}'),
    'data: {"choices": [ {"index": 0, "delta": {"content": "spaced"}, "logprobs": {"content": [{"token": "x"}]}} ]}',
  ]);
  expect(seen.contentDeltas).toBe(6);
  expect(seen.contentBytes).toBe(3 + 1 + 9 + 1 + 9 + 6);
  expect(seen).toMatchObject({ model: 'gpt-x', serviceTier: 'default', complete: false, malformedEvents: 0 });
});

test.each([
  ['before the finish', [usage('{"prompt_tokens":9,"completion_tokens":2}'), finish(0)]],
  ['on the finish chunk', [usage('{"prompt_tokens":9,"completion_tokens":2}', '[{"index":0,"finish_reason":"stop"}]')]],
  [
    'growing in every chunk',
    [delta('{"content":"a"}', ',"usage":{"prompt_tokens":9,"completion_tokens":1}'), usage('{"completion_tokens":2}')],
  ],
  ['with spaces', ['data: {"choices" : [], "usage" : {"prompt_tokens" : 9, "completion_tokens" : 2}}']],
  ['after a null', [delta('{"content":"a"}', ',"usage":null'), usage('{"prompt_tokens":9,"completion_tokens":2}')]],
])('reads usage %s', (_, events) => {
  expect(observe([delta('{"content":"x"}'), delta('{"content":"yy"}'), ...events, 'data: [DONE]']).usage).toMatchObject(
    {
      tokens: { input: 9, output: 2 },
      final: true,
    },
  );
});

test('notices usage that comes in a chunk shaped like the content before it', () => {
  const seen = observe([
    delta('{"content":"a"}', ',"usage":null'),
    delta('{"content":"b"}', ',"usage":null'),
    delta('{"content":"c"}', ',"usage":{"prompt_tokens":5,"completion_tokens":3}'),
  ]);
  expect(seen.usage?.tokens).toMatchObject({ input: 5, output: 3 });
  expect(seen.contentDeltas).toBe(3);
});

test('a finish_reason without [DONE] is complete, for every choice that was asked for', () => {
  expect(observe([delta('{"content":"a"}'), finish(0)]).complete).toBe(true);
  expect(observe([delta('{"content":"a"}'), finish(0)], 2).complete).toBe(false);
  expect(observe([delta('{"content":"a"}'), finish(0), finish(1)], 2).complete).toBe(true);
  expect(observe([delta('{"content":"a"}'), 'data: [DONE]']).complete).toBe(true);
  expect(observe([delta('{"content":"a"}')]).complete).toBe(false);
});

test('an event without its empty line ends nothing, but its numbers count', () => {
  const tap = new StreamTap(new OpenAiObserver());
  tap.push(
    Buffer.from(usage('{"prompt_tokens":1,"completion_tokens":2}', '[{"index":0,"finish_reason":"stop"}]')),
    () => undefined,
  );
  tap.end();
  expect(tap.observer.complete).toBe(false);
  expect(tap.observer.usage?.tokens.output).toBe(2);
});

test('an error event is recorded, with whether content came first', () => {
  const error = 'data: {"error":{"message":"no","type":"server_error","code":502}}';
  expect(observe([delta('{"role":"assistant","content":""}'), error])).toMatchObject({
    error: { type: 'server_error', code: '502', message: 'no' },
    errorBeforeContent: true,
    complete: false,
  });
  expect(observe([delta('{"content":"a"}'), error, 'data: [DONE]'])).toMatchObject({
    errorBeforeContent: false,
    complete: false,
  });
  expect(observe(['event: error\ndata: {"message":"busy"}']).error?.message).toBe('busy');
  expect(observe([delta('{"content":"a"}', ',"error":null')]).error).toBeUndefined();
});

test('malformed events are counted, and the rest is read', () => {
  const seen = observe([
    'data: {',
    delta('{"content":"a"}'),
    'data: nonsense',
    'data: {"a":"b',
    'data: {]}',
    finish(0),
  ]);
  expect(seen).toMatchObject({ malformedEvents: 4, contentDeltas: 1, complete: true });
});

const isUsageChunk = (event: string): boolean => observe([delta('{"content":"a"}'), event]).isUsageChunk;

test('only a chunk of nothing but usage is one that the option caused', () => {
  expect(isUsageChunk(usage('{"prompt_tokens":1,"completion_tokens":2}'))).toBe(true);
  expect(isUsageChunk(usage('null'))).toBe(false);
  expect(isUsageChunk(usage('{"prompt_tokens":1}', '[{"index":0,"delta":{"content":"a"}}]'))).toBe(false);
  expect(isUsageChunk('data: {"choices":[],"usage":{"prompt_tokens":1},"moderation":null}')).toBe(false);
  expect(isUsageChunk('data: {"usage":{"prompt_tokens":1}}')).toBe(false);
});
