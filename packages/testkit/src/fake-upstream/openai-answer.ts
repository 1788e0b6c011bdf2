import { makePart } from './answer.ts';
import type { Part, SentUsage } from './answer.ts';
import type { ChatRequest } from './chat-request.ts';
import type { Piece } from './content-pieces.ts';
import { generate } from './generation.ts';
import type { Generation } from './generation.ts';
import { randomBase62, randomHex } from './ids.ts';
import type { Scenario } from './scenario.ts';
import { NO_TOKENS } from './tokens.ts';
import type { Tokens } from './tokens.ts';

type Json = Record<string, unknown>;

export function openaiBody(scenario: Scenario, request: ChatRequest): Part {
  const generation = generate(scenario, request, 'openai');
  const text = Array.from(generation.content(), (piece) => piece.text).join('');
  const usage = usageOf(scenario, generation.charged);
  const body = {
    ...envelope(scenario, generation, 'chat.completion'),
    choices: Array.from({ length: request.choices }, (_, index) => ({
      index,
      message: { role: 'assistant', ...messageContent(scenario, text), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: finishReason(scenario, generation),
    })),
    ...(scenario.usage === 'omit' ? {} : { usage: scenario.usage === 'null' ? null : openaiUsage(usage.promised) }),
  };
  const { output, reasoning } = generation.charged;
  const silent = scenario.usage === 'omit' || scenario.usage === 'null';
  return makePart('whole', JSON.stringify(body), { output, reasoning, usage: silent ? null : usage });
}

export function* openaiStream(scenario: Scenario, request: ChatRequest): Generator<Part> {
  const generation = generate(scenario, request, 'openai');
  const choices = Array.from({ length: request.choices }, (_, index) => index);
  const event = chunkWriter(scenario, request, generation);
  const usage = usageOf(scenario, generation.charged);
  const usageChunk = makePart('usage', event([], openaiUsage(usage.promised)), { usage });
  const sendsUsage = wantsUsageChunk(scenario, request);

  for (const index of choices) yield makePart('head', event([choice(index, headDelta(scenario, index))]));
  let first = true;
  for (const piece of generation.content()) {
    for (const index of choices) {
      yield contentPart(event([choice(index, contentDelta(scenario, piece))]), piece, first ? generation.hidden : null);
      first = false;
    }
  }
  if (sendsUsage && scenario.usage === 'before-finish') yield usageChunk;
  const usageInFinish = sendsUsage && scenario.usage === 'with-finish';
  for (const index of choices) {
    const finish = [choice(index, {}, finishReason(scenario, generation))];
    const last = index === choices.length - 1;
    const credit = first && index === 0 ? generation.hidden : { output: 0, reasoning: 0 };
    yield usageInFinish && last
      ? makePart('finish', event(finish, openaiUsage(usage.promised)), { ...credit, usage })
      : makePart('finish', event(finish), credit);
  }
  if (sendsUsage && scenario.usage !== 'before-finish' && !usageInFinish) yield usageChunk;
  yield makePart('done', lineEnds(scenario, 'data: [DONE]\n\n'));
}

/** The vendor's own fields: the cached tokens are a part of prompt_tokens. */
function openaiUsage(tokens: Tokens): Json {
  const cacheWrite = tokens.cacheWrite5m + tokens.cacheWrite1h;
  const prompt = tokens.input + cacheWrite + tokens.cacheRead;
  return {
    prompt_tokens: prompt,
    completion_tokens: tokens.output,
    total_tokens: prompt + tokens.output,
    prompt_tokens_details: { cached_tokens: tokens.cacheRead, cache_write_tokens: cacheWrite, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function usageOf(scenario: Scenario, charged: Tokens): SentUsage {
  const promised = scenario.usage === 'zero' ? NO_TOKENS : charged;
  return { raw: openaiUsage(promised), promised, final: true };
}

function wantsUsageChunk(scenario: Scenario, request: ChatRequest): boolean {
  if (scenario.usage === 'always') return true;
  const never = ['omit', 'null', 'ignore-include'].includes(scenario.usage);
  return request.includeUsage && !never;
}

/** Renders one event; with include_usage every chunk but one carries `usage: null`. */
function chunkWriter(
  scenario: Scenario,
  request: ChatRequest,
  generation: Generation,
): (choices: readonly Json[], usage?: Json) => string {
  const common = envelope(scenario, generation, 'chat.completion.chunk');
  const saysNull =
    scenario.usage === 'null' || (request.includeUsage && !['omit', 'ignore-include'].includes(scenario.usage));
  return (choices, usage) => {
    const chunk: Json = { ...common, choices };
    if (usage !== undefined) chunk['usage'] = usage;
    else if (saysNull) chunk['usage'] = null;
    if (scenario.padding && request.includeObfuscation)
      chunk['obfuscation'] = randomBase62(1 + Math.floor(Math.random() * 16));
    return lineEnds(scenario, `data: ${JSON.stringify(chunk)}\n\n`);
  };
}

function envelope(scenario: Scenario, generation: Generation, object: string): Json {
  return {
    id: `chatcmpl-${randomBase62(29)}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: generation.model,
    service_tier: scenario.serviceTier ?? 'default',
    system_fingerprint: `fp_${randomHex(10)}`,
  };
}

function choice(index: number, delta: Json, finish: string | null = null): Json {
  return { index, delta, logprobs: null, finish_reason: finish };
}

function headDelta(scenario: Scenario, index: number): Json {
  if (scenario.toolCall === null) return { role: 'assistant', content: '', refusal: null };
  const call = {
    index: 0,
    id: toolCallId(index),
    type: 'function',
    function: { name: scenario.toolCall.name, arguments: '' },
  };
  return { role: 'assistant', content: null, tool_calls: [call], refusal: null };
}

function contentDelta(scenario: Scenario, piece: Piece): Json {
  if (scenario.toolCall === null) return { content: piece.text };
  return { tool_calls: [{ index: 0, function: { arguments: piece.text } }] };
}

function messageContent(scenario: Scenario, text: string): Json {
  if (scenario.toolCall === null) return { content: text };
  const call = { id: toolCallId(0), type: 'function', function: { name: scenario.toolCall.name, arguments: text } };
  return { content: null, tool_calls: [call] };
}

function toolCallId(index: number): string {
  return `call_${randomBase62(22)}${index}`;
}

function contentPart(text: string, piece: Piece, hidden: Generation['hidden'] | null): Part {
  return makePart('content', text, {
    output: piece.tokens + (hidden?.output ?? 0),
    reasoning: hidden?.reasoning ?? 0,
  });
}

function finishReason(scenario: Scenario, generation: Generation): string {
  if (scenario.finish !== null) return scenario.finish;
  if (generation.truncated) return 'length';
  return scenario.toolCall === null ? 'stop' : 'tool_calls';
}

function lineEnds(scenario: Scenario, text: string): string {
  return scenario.lineEnd === 'crlf' ? text.replaceAll('\n', '\r\n') : text;
}
