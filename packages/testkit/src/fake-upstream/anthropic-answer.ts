import { makePart } from './answer.ts';
import type { Part, SentUsage } from './answer.ts';
import { anthropicDeltaUsage, anthropicStartUsage, promisedBy } from './anthropic-usage.ts';
import type { ChatRequest } from './chat-request.ts';
import { generate } from './generation.ts';
import type { Generation } from './generation.ts';
import { randomBase62 } from './ids.ts';
import type { Scenario } from './scenario.ts';
import { NO_TOKENS } from './tokens.ts';

type Json = Record<string, unknown>;
/** A usage object to send, and what the books note when it was sent; null sends none. */
type UsageField = { readonly raw: Json; readonly sent: SentUsage } | null;

export function anthropicBody(scenario: Scenario, request: ChatRequest): Part {
  const generation = generate(scenario, request, 'anthropic');
  const usage = wholeUsage(scenario, generation);
  const body = {
    ...message(generation),
    content: contentBlocks(scenario, generation),
    stop_reason: stopReason(scenario, generation),
    stop_sequence: null,
    ...usageMember(scenario, usage),
  };
  const { output, reasoning } = generation.charged;
  return makePart('whole', JSON.stringify(body), { output, reasoning, usage: usage?.sent ?? null });
}

export function* anthropicStream(scenario: Scenario, request: ChatRequest): Generator<Part> {
  const generation = generate(scenario, request, 'anthropic');
  const event = eventWriter(scenario);
  const start = startUsage(scenario, generation);
  const opening = { ...message(generation), content: [], stop_reason: null, stop_sequence: null };
  yield makePart('head', event('message_start', { message: { ...opening, ...usageMember(scenario, start) } }), {
    usage: start?.sent ?? null,
  });
  let hidden: { output: number; reasoning: number } | null = generation.hidden;
  let index = 0;
  let pinged = false;
  for (const block of blocksOf(scenario, generation)) {
    yield makePart('block', event('content_block_start', { index, content_block: block.start }));
    if (!pinged) yield makePart('block', event('ping', {}));
    pinged = true;
    for (const piece of block.pieces) {
      const reasoning = block.kind === 'thinking' ? piece.tokens : 0;
      yield makePart('content', event('content_block_delta', { index, delta: block.delta(piece.text) }), {
        output: piece.tokens + (hidden?.output ?? 0),
        reasoning,
      });
      hidden = null;
    }
    if (block.closing !== null) yield makePart('block', event('content_block_delta', { index, delta: block.closing }));
    yield makePart('block', event('content_block_stop', { index }));
    index += 1;
  }
  const end = deltaUsage(scenario, generation, start);
  const delta = { stop_reason: stopReason(scenario, generation), stop_sequence: null };
  yield makePart('finish', event('message_delta', { delta, ...usageMember(scenario, end) }), {
    output: hidden?.output ?? 0,
    usage: end?.sent ?? null,
  });
  yield makePart('done', event('message_stop', {}));
}

interface Block {
  readonly kind: 'thinking' | 'text' | 'tool_use';
  readonly start: Json;
  readonly pieces: Iterable<{ readonly text: string; readonly tokens: number }>;
  readonly delta: (text: string) => Json;
  readonly closing: Json | null;
}

function blocksOf(scenario: Scenario, generation: Generation): Block[] {
  const content: Block =
    scenario.toolCall === null
      ? {
          kind: 'text',
          start: { type: 'text', text: '' },
          pieces: generation.content(),
          delta: (text) => ({ type: 'text_delta', text }),
          closing: null,
        }
      : {
          kind: 'tool_use',
          start: { type: 'tool_use', id: toolUseId(), name: scenario.toolCall.name, input: {} },
          pieces: generation.content(),
          delta: (text) => ({ type: 'input_json_delta', partial_json: text }),
          closing: null,
        };
  if (generation.reported.reasoning === 0) return [content];
  const thinking: Block = {
    kind: 'thinking',
    start: { type: 'thinking', thinking: '', signature: '' },
    pieces: generation.thinking(),
    delta: (text) => ({ type: 'thinking_delta', thinking: text }),
    closing: { type: 'signature_delta', signature: randomBase62(88) },
  };
  return [thinking, content];
}

function contentBlocks(scenario: Scenario, generation: Generation): Json[] {
  return blocksOf(scenario, generation).map((block) => {
    const text = Array.from(block.pieces, (piece) => piece.text).join('');
    if (block.kind === 'thinking') return { type: 'thinking', thinking: text, signature: randomBase62(88) };
    if (block.kind === 'text') return { type: 'text', text };
    const name = scenario.toolCall?.name ?? '';
    return { type: 'tool_use', id: toolUseId(), name, input: scenario.toolCall?.arguments ?? {} };
  });
}

function message(generation: Generation): Json {
  return { id: `msg_01${randomBase62(22)}`, type: 'message', role: 'assistant', model: generation.model };
}

function startUsage(scenario: Scenario, generation: Generation): UsageField {
  if (scenario.usage === 'omit' || scenario.usage === 'null') return null;
  const tokens = scenario.usage === 'zero' ? NO_TOKENS : generation.reported;
  const begun = Math.min(1, tokens.output);
  const raw = { ...anthropicStartUsage(scenario, tokens, begun), ...scenario.usageStart };
  return { raw, sent: { raw, promised: promisedBy([raw], generation.iterations), final: false } };
}

function deltaUsage(scenario: Scenario, generation: Generation, start: UsageField): UsageField {
  if (start === null || scenario.usage === 'start-only') return null;
  const tokens = scenario.usage === 'zero' ? NO_TOKENS : generation.reported;
  const raw = { ...anthropicDeltaUsage(scenario, tokens, generation.iterations), ...scenario.usageDelta };
  const promised = { ...promisedBy([start.raw, raw], generation.iterations), reasoning: tokens.reasoning };
  return { raw, sent: { raw, promised, final: true } };
}

/** A plain answer has both in one: the split of message_start, the numbers of message_delta. */
function wholeUsage(scenario: Scenario, generation: Generation): UsageField {
  const start = startUsage({ ...scenario, usageStart: {} }, generation);
  const end = deltaUsage({ ...scenario, usage: scenario.usage === 'zero' ? 'zero' : 'vendor' }, generation, start);
  if (start === null || end === null) return null;
  const raw = { ...start.raw, ...end.raw };
  return { raw, sent: { ...end.sent, raw } };
}

function usageMember(scenario: Scenario, usage: UsageField): Json {
  if (usage !== null) return { usage: usage.raw };
  return scenario.usage === 'null' ? { usage: null } : {};
}

function stopReason(scenario: Scenario, generation: Generation): string {
  if (scenario.finish !== null) return scenario.finish;
  if (generation.truncated) return 'max_tokens';
  return scenario.toolCall === null ? 'end_turn' : 'tool_use';
}

function toolUseId(): string {
  return `toolu_01${randomBase62(22)}`;
}

/** Renders one event. The vendor pads the JSON with spaces before its last brace. */
function eventWriter(scenario: Scenario): (type: string, fields: Json) => string {
  const end = scenario.lineEnd === 'crlf' ? '\r\n' : '\n';
  return (type, fields) => {
    const json = JSON.stringify({ type, ...fields });
    const padding = scenario.padding ? ' '.repeat(Math.floor(Math.random() * 16)) : '';
    return `event: ${type}${end}data: ${json.slice(0, -1)}${padding}}${end}${end}`;
  };
}
