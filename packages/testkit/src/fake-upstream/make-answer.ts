import { makePart } from './answer.ts';
import type { Answer, Part } from './answer.ts';
import { anthropicBody, anthropicStream } from './anthropic-answer.ts';
import type { ChatRequest } from './chat-request.ts';
import type { Dialect, ErrorAnswer, ErrorContext } from './error-answer.ts';
import { vendorError } from './error-answer.ts';
import type { Fault } from './fault.ts';
import { generate } from './generation.ts';
import { namedError } from './named-errors.ts';
import { openaiBody, openaiStream } from './openai-answer.ts';
import { recordedParts, recordedTokens } from './recorded-answer.ts';
import type { Recording, Scenario } from './scenario.ts';
import { NO_TOKENS } from './tokens.ts';
import type { Tokens } from './tokens.ts';
import { vendorHeaders } from './vendor-headers.ts';
import type { HeaderList } from './vendor-headers.ts';

const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
const JSON_BODY = { 'content-type': 'application/json' };

export function chatAnswer(scenario: Scenario, request: ChatRequest, context: ErrorContext): Answer {
  const streamed = request.stream;
  if (scenario.recording !== null) return recordedAnswer(scenario, scenario.recording, streamed, context);
  return {
    status: 200,
    headers: withHeaders(context, streamed ? EVENT_STREAM : JSON_BODY, scenario.headers),
    streamed,
    parts: generatedParts(scenario, request, context.dialect),
    prompt: { ...generate(scenario, request, context.dialect).charged, output: 0, reasoning: 0 },
  };
}

function generatedParts(scenario: Scenario, request: ChatRequest, dialect: Dialect): Iterable<Part> {
  if (dialect === 'openai') return request.stream ? openaiStream(scenario, request) : [openaiBody(scenario, request)];
  return request.stream ? anthropicStream(scenario, request) : [anthropicBody(scenario, request)];
}

function recordedAnswer(scenario: Scenario, recording: Recording, streamed: boolean, context: ErrorContext): Answer {
  const tokens = recordedTokens(recording);
  const parts = [...recordedParts(recording)];
  const whole = makePart('whole', Buffer.concat(parts.map((part) => part.bytes)), {
    output: tokens.output,
    reasoning: tokens.reasoning,
    usage: parts.at(-1)?.usage ?? null,
  });
  return {
    status: recording.status,
    headers: withHeaders(context, streamed ? EVENT_STREAM : JSON_BODY, { ...scenario.headers, ...recording.headers }),
    streamed,
    parts: streamed ? parts : [whole],
    prompt: { ...tokens, output: 0, reasoning: 0 },
  };
}

export function jsonAnswer(body: unknown, scenario: Scenario, context: ErrorContext): Answer {
  return plainAnswer(200, JSON.stringify(body), withHeaders(context, JSON_BODY, scenario.headers));
}

export function errorAnswer(error: ErrorAnswer, context: ErrorContext, extra: Record<string, string> = {}): Answer {
  const type = { 'content-type': error.contentType };
  return plainAnswer(error.status, error.body, withHeaders(context, type, { ...error.headers, ...extra }));
}

/** The error answer that a fault of kind `status` or `error` asks for; null for the other kinds. */
export function faultAnswer(fault: Fault, context: ErrorContext): Answer | null {
  if (fault.kind === 'error') {
    const error = namedError(fault.name, context);
    return errorAnswer({ ...error, status: fault.status ?? error.status }, context, faultHeaders(fault));
  }
  if (fault.kind !== 'status') return null;
  const vendor = vendorError(fault.status, context);
  const body = fault.body === undefined ? vendor.body : bodyText(fault.body);
  const contentType = fault.contentType ?? (typeof fault.body === 'string' ? 'text/plain' : vendor.contentType);
  return errorAnswer({ ...vendor, body, contentType }, context, faultHeaders(fault));
}

function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function faultHeaders(fault: Extract<Fault, { kind: 'status' | 'error' }>): Record<string, string> {
  const { retryAfter, retryAfterForm } = fault;
  if (retryAfter === undefined) return fault.headers;
  const asDate = typeof retryAfter === 'number' && retryAfterForm === 'date';
  const value = asDate ? new Date(Date.now() + retryAfter * 1000).toUTCString() : String(retryAfter);
  return { 'retry-after': value, ...fault.headers };
}

function plainAnswer(status: number, body: string, headers: HeaderList, prompt: Tokens = NO_TOKENS): Answer {
  return { status, headers, streamed: false, parts: [makePart('whole', body)], prompt };
}

/** Later headers take the place of earlier ones of the same name. */
function withHeaders(
  context: ErrorContext,
  type: Readonly<Record<string, string>>,
  extra: Readonly<Record<string, string>>,
): HeaderList {
  const own = Object.entries({ ...type, ...lowerCased(extra) });
  const names = new Set(own.map(([name]) => name));
  return [...vendorHeaders(context.dialect, context.requestId).filter(([name]) => !names.has(name)), ...own];
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
