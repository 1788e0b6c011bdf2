export const MODEL = 'bench-model';
const JSON_BYTES = 2_048;
const BURST_EVENTS = 100;
/** Tokens of every answer that is whole; a paced one has one for each event. */
export const INPUT_TOKENS = 400;
export const OUTPUT_TOKENS = 100;

/** What is asked; the upstream knows it by its name in the first message. */
export type ExchangeName = 'json' | 'burst' | 'paced';

export interface Exchange {
  readonly name: ExchangeName;
  /** The client asks for the usage itself, so that the gateway has nothing to add and nothing to take out. */
  readonly asksForUsage: boolean;
}

/** A request for it, of about 2 KB. */
export function requestBody({ name, asksForUsage }: Exchange): Buffer {
  const body = (content: string): string =>
    JSON.stringify({
      model: MODEL,
      messages: [{ role: 'user', content }],
      max_tokens: 200,
      ...(name === 'json' ? {} : { stream: true }),
      ...(name !== 'json' && asksForUsage ? { stream_options: { include_usage: true } } : {}),
    });
  const marker = markerOf(name);
  const filled = 'what is measured here has a length '.repeat(100);
  return Buffer.from(body(marker + filled.slice(0, JSON_BYTES - body(marker).length)));
}

export function markerOf(name: ExchangeName): string {
  return `bench-${name}: `;
}

const HEAD = 'HTTP/1.1 200 OK\r\nx-request-id: bench\r\n';
const STREAM_HEAD = `${HEAD}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n`;
const LAST_CHUNK = '0\r\n\r\n';
const COMMON = { id: 'chatcmpl-bench', created: 1_790_000_000, model: MODEL };
const USAGE = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};

/** A whole answer, as it goes over the wire. */
export function jsonAnswer(): Buffer {
  const body = (content: string): string =>
    JSON.stringify({
      ...COMMON,
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }],
      usage: USAGE,
    });
  const text = body('y'.repeat(JSON_BYTES - body('').length));
  return Buffer.from(`${HEAD}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
}

/** A stream in one piece, each event a chunk of its own as servers send them. */
export function burstAnswer(withUsage: boolean): Buffer {
  const events = Array.from({ length: BURST_EVENTS }, (_, index) => deltaEvent(` word${index}`, withUsage));
  return Buffer.from(STREAM_HEAD + events.map(chunkOf).join('') + streamEnd(withUsage));
}

/** A stream that begins now; its events and its end come later. */
export function pacedHead(): Buffer {
  return Buffer.from(STREAM_HEAD);
}

export function pacedEvent(sentMs: number, withUsage: boolean): string {
  return chunkOf(deltaEvent(`${SENT}${sentMs.toFixed(3)}`, withUsage));
}

export function streamEnd(withUsage: boolean): string {
  const finish = event({ choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] }, withUsage);
  const usage = withUsage ? chunkOf(event({ choices: [], usage: USAGE }, false)) : '';
  return `${chunkOf(finish)}${usage}${chunkOf('data: [DONE]\n\n')}${LAST_CHUNK}`;
}

/** Stands before the time at which a paced event was sent. */
export const SENT = ' at:';

function deltaEvent(content: string, withUsage: boolean): string {
  return event({ choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }] }, withUsage);
}

function event(fields: object, withUsage: boolean): string {
  const usage = withUsage ? { usage: null } : {};
  return `data: ${JSON.stringify({ ...COMMON, object: 'chat.completion.chunk', ...usage, ...fields })}\n\n`;
}

function chunkOf(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}
