import { describe, expect, test } from 'vitest';

import { readObject } from '../../tests/read-json.ts';
import type { Part } from './answer.ts';
import { anthropicBody, anthropicStream } from './anthropic-answer.ts';
import { parseChatRequest } from './chat-request.ts';
import type { ChatRequest } from './chat-request.ts';
import { openaiBody, openaiStream } from './openai-answer.ts';
import { PRESET_NAMES } from './presets.ts';
import { layScenario, scenarioLayerSchema } from './scenario.ts';
import type { Scenario, ScenarioInput } from './scenario.ts';

type Json = Record<string, unknown>;

function scenarioOf(input: ScenarioInput): Scenario {
  return layScenario(scenarioLayerSchema.parse(input));
}

function requestOf(fields: Json = {}): ChatRequest {
  const request = parseChatRequest(Buffer.from(JSON.stringify({ model: 'm', messages: [], stream: true, ...fields })));
  if (typeof request === 'string') throw new Error(request);
  return request;
}

function events(parts: readonly Part[]): Json[] {
  return parts
    .map((part) => part.bytes.toString())
    .filter((text) => !text.includes('[DONE]'))
    .map((text) => readObject(/^data: ?(.*)$/m.exec(text)?.[1]));
}

function outputOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.output, 0);
}

function charged(preset: (typeof PRESET_NAMES)[number]): unknown {
  return lastPromise([...anthropicStream(scenarioOf({ preset }), requestOf())]);
}

function lastPromise(parts: readonly Part[]): unknown {
  return parts.findLast((part) => part.usage !== null)?.usage?.promised ?? null;
}

const WITH_USAGE = { stream_options: { include_usage: true } };

describe('OpenAI stream', () => {
  test('is role, one chunk per token, finish, [DONE]; usage only when it was asked for', () => {
    const parts = [...openaiStream(scenarioOf({ tokens: { output: 3 } }), requestOf())];
    expect(parts.map((part) => part.kind)).toEqual(['head', 'content', 'content', 'content', 'finish', 'done']);
    expect(events(parts).every((event) => !('usage' in event))).toBe(true);
    expect(parts.at(-1)?.bytes.toString()).toBe('data: [DONE]\n\n');
  });

  test('with include_usage every chunk but the one without choices says null', () => {
    const scenario = scenarioOf({
      tokens: { input: 5, cacheWrite5m: 7, cacheWrite1h: 11, cacheRead: 13, output: 4, reasoning: 1 },
    });
    const parts = [...openaiStream(scenario, requestOf(WITH_USAGE))];
    const all = events(parts);
    expect(all.filter((event) => event['usage'] === null)).toHaveLength(all.length - 1);
    expect(all.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 36,
        completion_tokens: 4,
        total_tokens: 40,
        prompt_tokens_details: { cached_tokens: 13, cache_write_tokens: 18 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    });
    expect(parts.filter((part) => part.kind === 'content')).toHaveLength(3);
    expect(outputOf(parts)).toBe(4);
    expect(lastPromise(parts)).toEqual(scenario.tokens);
  });

  test.for([
    ['always', {}, ['usage']],
    ['omit', WITH_USAGE, []],
    ['null', WITH_USAGE, []],
    ['ignore-include', WITH_USAGE, []],
    ['with-finish', WITH_USAGE, ['finish']],
    ['before-finish', WITH_USAGE, ['usage']],
    ['zero', WITH_USAGE, ['usage']],
  ] as const)('usage mode %s', ([usage, fields, kinds]) => {
    const parts = [...openaiStream(scenarioOf({ usage }), requestOf(fields))];
    expect(parts.filter((part) => part.usage !== null).map((part) => part.kind)).toEqual(kinds);
    const carries = events(parts).filter((event) => typeof event['usage'] === 'object' && event['usage'] !== null);
    expect(carries).toHaveLength(kinds.length);
    if (usage === 'zero') expect(lastPromise(parts)).toMatchObject({ input: 0, output: 0 });
    if (usage === 'before-finish') expect(parts.findIndex((part) => part.kind === 'usage')).toBe(parts.length - 3);
    expect(outputOf(parts)).toBe(20);
  });

  test('never exceeds max_tokens, whichever name it has', () => {
    for (const fields of [{ max_tokens: 2 }, { max_completion_tokens: 2 }]) {
      const parts = [...openaiStream(scenarioOf({}), requestOf(fields))];
      expect(outputOf(parts)).toBe(2);
      expect(JSON.stringify(events(parts))).toContain('"finish_reason":"length"');
    }
  });

  test('all choices are delivered and charged', () => {
    const parts = [
      ...openaiStream(scenarioOf({ tokens: { output: 3, reasoning: 1 } }), requestOf({ n: 2, ...WITH_USAGE })),
    ];
    expect(outputOf(parts)).toBe(6);
    expect(lastPromise(parts)).toMatchObject({ output: 6, reasoning: 2 });
    expect(events(parts).filter((event) => JSON.stringify(event).includes('"finish_reason":"stop"'))).toHaveLength(2);
  });

  test('an answer that is all reasoning still counts its tokens', () => {
    const parts = [...openaiStream(scenarioOf({ tokens: { output: 9, reasoning: 9 } }), requestOf())];
    expect(parts.map((part) => part.kind)).toEqual(['head', 'finish', 'done']);
    expect(outputOf(parts)).toBe(9);
  });

  test('tool calls come in pieces that join to the arguments', () => {
    const scenario = scenarioOf({
      toolCall: { name: 'read', arguments: { path: 'ä/b', deep: [1, 2] } },
      tokens: { output: 5 },
    });
    const parts = [...openaiStream(scenario, requestOf())];
    const text = events(parts)
      .map((event) => /"arguments":"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(event))?.[1] ?? '')
      .join('');
    const unquoted: unknown = JSON.parse(`"${text}"`);
    expect(readObject(String(unquoted))).toEqual({ path: 'ä/b', deep: [1, 2] });
    expect(JSON.stringify(events(parts).at(-1))).toContain('"finish_reason":"tool_calls"');
  });

  test('the plain answer says the same as the stream', () => {
    const scenario = scenarioOf({ text: 'Grüße aus 東京', tokens: { output: 4 } });
    const streamed = events([...openaiStream(scenario, requestOf())])
      .map((event) => /"content":"([^"]*)"/.exec(JSON.stringify(event))?.[1] ?? '')
      .join('');
    const plain = openaiBody(scenario, requestOf({ stream: false }));
    expect(streamed).toBe('Grüße aus 東京');
    expect(JSON.parse(plain.bytes.toString())).toMatchObject({
      choices: [{ message: { content: 'Grüße aus 東京' }, finish_reason: 'stop' }],
      usage: { completion_tokens: 4 },
    });
    expect([plain.output, plain.usage?.promised]).toEqual([4, scenario.tokens]);
  });
});

describe('Anthropic stream', () => {
  test('has the vendor’s order of events, and full usage at both ends', () => {
    const scenario = scenarioOf({ tokens: { input: 5, cacheWrite5m: 7, cacheWrite1h: 11, cacheRead: 13, output: 3 } });
    const parts = [...anthropicStream(scenario, requestOf())];
    expect(events(parts).map((event) => event['type'])).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const [start] = events(parts);
    expect(start).toMatchObject({
      message: {
        usage: {
          input_tokens: 5,
          cache_creation_input_tokens: 18,
          cache_read_input_tokens: 13,
          cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 11 },
          output_tokens: 1,
          service_tier: 'standard',
        },
      },
    });
    expect(events(parts).at(-2)).toMatchObject({ usage: { input_tokens: 5, output_tokens: 3 } });
    expect(lastPromise(parts)).toEqual(scenario.tokens);
    expect(outputOf(parts)).toBe(3);
  });

  test('thinking is a block of its own before the text, and a part of the output', () => {
    const parts = [...anthropicStream(scenarioOf({ tokens: { output: 5, reasoning: 2 } }), requestOf())];
    const text = JSON.stringify(events(parts));
    expect(text.match(/thinking_delta/g)).toHaveLength(2);
    expect(text.match(/text_delta/g)).toHaveLength(3);
    expect(text.match(/signature_delta/g)).toHaveLength(1);
    expect(outputOf(parts)).toBe(5);
    expect(parts.reduce((sum, part) => sum + part.reasoning, 0)).toBe(2);
  });

  test.for([
    ['vendor', ['start', 'final'], { input: 25, output: 20 }],
    ['delta-output-only', ['start', 'final'], { input: 25, output: 20 }],
    ['start-only', ['start'], { input: 25, output: 1 }],
    ['zero', ['start', 'final'], { input: 0, output: 0 }],
    ['omit', [], null],
    ['null', [], null],
  ] as const)('usage mode %s', ([usage, sent, promised]) => {
    const parts = [...anthropicStream(scenarioOf({ usage }), requestOf())];
    const usages = parts.flatMap((part) => (part.usage === null ? [] : [part.usage.final ? 'final' : 'start']));
    expect(usages).toEqual(sent);
    if (promised === null) expect(lastPromise(parts)).toBeNull();
    else expect(lastPromise(parts)).toMatchObject(promised);
    expect(JSON.stringify(events(parts)).includes('"usage":null')).toBe(usage === 'null');
  });

  test.for(PRESET_NAMES)('recorded trap %s: what is delivered is what the vendor’s rule charges', (preset) => {
    const parts = [...anthropicStream(scenarioOf({ preset }), requestOf())];
    const promised = lastPromise(parts);
    const [start] = parts;
    expect(start?.usage?.promised).not.toEqual(promised);
    expect(promised).toMatchObject({ output: outputOf(parts) });
    const plain = anthropicBody(scenarioOf({ preset }), requestOf({ stream: false }));
    expect(plain.usage?.promised).toEqual(promised);
  });

  test('the compaction and advisor traps charge the sum of their iterations', () => {
    expect(charged('compaction')).toMatchObject({ input: 612 + 60_385, output: 2819 + 522 });
    expect(charged('compaction-cache')).toMatchObject({ input: 612, cacheRead: 55_096, output: 200 + 83 });
    expect(charged('advisor')).toMatchObject({ input: 4727 + 2728, output: 3391 + 3880 });
    expect(charged('web-search')).toMatchObject({ input: 15_665 });
    expect(charged('code-execution-cache')).toMatchObject({ cacheWrite5m: 3337, cacheRead: 6289 });
  });

  test('max_tokens ends the answer with its own stop reason', () => {
    const parts = [...anthropicStream(scenarioOf({}), requestOf({ max_tokens: 2 }))];
    expect(outputOf(parts)).toBe(2);
    expect(JSON.stringify(events(parts))).toContain('"stop_reason":"max_tokens"');
  });

  test('tool use comes as JSON pieces, and as an object in the plain answer', () => {
    const scenario = scenarioOf({ toolCall: { name: 'read', arguments: { path: '/tmp' } }, tokens: { output: 4 } });
    const text = JSON.stringify(events([...anthropicStream(scenario, requestOf())]));
    expect(text.match(/input_json_delta/g)).toHaveLength(4);
    expect(text).toContain('"stop_reason":"tool_use"');
    expect(JSON.parse(anthropicBody(scenario, requestOf()).bytes.toString())).toMatchObject({
      content: [{ type: 'tool_use', name: 'read', input: { path: '/tmp' } }],
    });
  });
});

describe('both dialects', () => {
  test('fewer deltas carry the same tokens', () => {
    const scenario = scenarioOf({ tokens: { output: 100 }, deltas: 7 });
    for (const parts of [[...openaiStream(scenario, requestOf())], [...anthropicStream(scenario, requestOf())]]) {
      expect(parts.filter((part) => part.kind === 'content')).toHaveLength(7);
      expect(outputOf(parts)).toBe(100);
    }
  });

  test('CRLF line ends are on every line, and padding changes nothing that is read', () => {
    const scenario = scenarioOf({ lineEnd: 'crlf', padding: true });
    for (const parts of [[...openaiStream(scenario, requestOf())], [...anthropicStream(scenario, requestOf())]]) {
      const text = Buffer.concat(parts.map((part) => part.bytes)).toString();
      expect(text.replaceAll('\r\n', '')).not.toContain('\n');
      expect(events(parts).length).toBeGreaterThan(20);
      expect(
        new Set(parts.filter((part) => part.kind === 'content').map((part) => part.bytes.length)).size,
      ).toBeGreaterThan(5);
    }
  });
});
