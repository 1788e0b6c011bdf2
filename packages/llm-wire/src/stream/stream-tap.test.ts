import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dialect } from '../dialect.ts';
import type { WireError } from '../errors/wire-error.ts';
import { createStreamObserver } from './create-stream-observer.ts';
import { StreamTap } from './stream-tap.ts';
import type { StreamTapOptions } from './stream-tap.ts';

const chunk = (delta: string, rest = '"finish_reason":null}],"usage":null,"obfuscation":"ab"}'): string =>
  `data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":${delta},${rest}`;
const USAGE =
  'data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}';
const HEAD = [
  chunk('{"role":"assistant","content":""}'),
  chunk('{"content":"Hel"}'),
  chunk('{"content":"lo \\"you\\""}'),
];
const FINISH = chunk('{}', '"finish_reason":"stop"}],"usage":null}');

function relay(
  dialect: Dialect,
  chunks: readonly Uint8Array[],
  options: StreamTapOptions,
): { out: Buffer; pieces: Uint8Array[]; tap: StreamTap } {
  const pieces: Uint8Array[] = [];
  const tap = new StreamTap(createStreamObserver(dialect), options);
  for (const bytes of chunks) tap.push(bytes, (piece) => pieces.push(Buffer.from(piece)));
  tap.end((piece) => pieces.push(Buffer.from(piece)));
  return { out: Buffer.concat(pieces), pieces, tap };
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

function findings({ tap }: { tap: StreamTap }): unknown {
  const { usage, complete, contentDeltas, contentBytes, finishReason, malformedEvents, error, model } = tap.observer;
  return { usage, complete, contentDeltas, contentBytes, finishReason, malformedEvents, error, model };
}

const end = fc.constantFrom('\n', '\r\n', '\r');
const event = fc.constantFrom(...HEAD, FINISH, ': ping', 'data: {broken', 'data: [1,2]', `: c\n${HEAD[1]}`);
const cuts = fc.array(fc.nat(), { maxLength: 40 });

test('removing the usage chunk leaves every other byte as it was, however the stream is split', () => {
  fc.assert(
    fc.property(fc.array(event), fc.array(event), end, cuts, fc.boolean(), (before, after, lineEnd, at, again) => {
      const close = lineEnd + lineEnd;
      const join = (events: string[]): string => events.map((one) => one.replaceAll('\n', lineEnd) + close).join('');
      const usage = USAGE + close;
      const stream = join(before) + usage + join(after) + (again ? usage : '') + `data: [DONE]${close}`;
      const { out, tap } = relay('openai', split(Buffer.from(stream), at), { removeUsageChunk: true });
      expect(out.toString()).toBe(`${join(before)}${join(after)}data: [DONE]${close}`);
      expect(tap.observer.usage?.tokens).toMatchObject({ input: 10, output: 4 });
    }),
    { numRuns: 300 },
  );
});

test('any split passes the same bytes and learns the same, in every mode', () => {
  const options = fc.record({ holdPartialEvents: fc.boolean(), maxEventBytes: fc.constantFrom(1 << 20, 200) });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 12 }),
      cuts,
      options,
      fc.constantFrom('', 'data: {"tail'),
      (events, at, mode, tail) => {
        const bytes = Buffer.from(`${[...events, USAGE].join('\n\n')}\n\ndata: [DONE]\n\n${tail}`);
        const whole = relay('openai', [bytes], mode);
        const parts = relay('openai', split(bytes, at), mode);
        expect(parts.out.equals(bytes)).toBe(true);
        expect(findings(parts)).toEqual(findings(whole));
      },
    ),
    { numRuns: 300 },
  );
});

test('what comes before an error that is withheld passes and counts, nothing of what follows, however it is split', () => {
  const events = fc.array(event, { maxLength: 6 });
  fc.assert(
    fc.property(events, events, cuts, fc.boolean(), (before, after, at, removeUsageChunk) => {
      const told = before.map((one) => `${one}\n\n`).join('');
      const error = 'data: {"error":{"message":"key k-1 is out of credit","type":"billing"}}';
      const bytes = Buffer.from(`${told}${[error, ...after, 'data: [DONE]'].join('\n\n')}\n\n`);
      const withholds = ({ message = '' }: WireError): boolean => message.includes('k-1');
      const { out, tap } = relay('openai', split(bytes, at), { withholds, removeUsageChunk });
      const { contentDeltas } = relay('openai', [Buffer.from(told)], {}).tap.observer;
      expect(out.toString()).toBe(told);
      expect(tap).toMatchObject({ withheld: true, atBoundary: true, observer: { contentDeltas, complete: false } });
    }),
    { numRuns: 300 },
  );
});

const text = fc.string({ unit: fc.constantFrom('a', 'é', '東', '👩‍🚀', '\u2028', '\\n', '\\"'), maxLength: 6 });
const padding = fc.constantFrom('', ',"obfuscation":"k3"', ',"obfuscation":""');
const ANYTHING: Readonly<Record<Dialect, fc.Arbitrary<string>>> = {
  openai: fc.oneof(
    fc
      .tuple(text, padding)
      .map(([content, pad]) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]${pad}}`),
    fc.constantFrom(FINISH, ': OPENROUTER PROCESSING', 'data:{"choices":[]}', 'data: {broken', 'event: x\ndata: 東'),
  ),
  anthropic: fc.oneof(
    text.map(
      (content) =>
        `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${content}"}  }`,
    ),
    fc.constantFrom(
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}',
      'event: ping\ndata: {"type": "ping"}',
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"é"}}',
      'event: content_block_delta\ndata: {"type":"content_bl',
      'event: message_stop\ndata: {"type":"message_stop"}',
      'data: {"type":"message_delta","usage":{"output_tokens":4}}',
    ),
  ),
};

test.each(['openai', 'anthropic'] as const)(
  'every split in two, and byte by byte, is the same stream: %s',
  (dialect) => {
    const stream = fc.tuple(
      fc.array(ANYTHING[dialect], { minLength: 1, maxLength: 5 }),
      end,
      fc.constantFrom('', '\uFEFF'),
    );
    fc.assert(
      fc.property(stream, fc.boolean(), ([events, lineEnd, bom], holdPartialEvents) => {
        const bytes = Buffer.from(
          bom + events.map((one) => one.replaceAll('\n', lineEnd) + lineEnd + lineEnd).join(''),
        );
        const whole = relay(dialect, [bytes], { holdPartialEvents });
        const everySplit = Array.from(bytes.keys(), (at) => split(bytes, [at]));
        for (const chunks of [...everySplit, Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
          const parts = relay(dialect, chunks, { holdPartialEvents });
          expect(parts.out.equals(bytes)).toBe(true);
          expect(findings(parts)).toEqual(findings(whole));
        }
      }),
      { numRuns: 40 },
    );
  },
);

test('a stream whose events are held always stands at a boundary', () => {
  const bytes = Buffer.from(`${HEAD.join('\n\n')}\n\n`);
  fc.assert(
    fc.property(cuts, (at) => {
      const tap = new StreamTap(createStreamObserver('openai'), { holdPartialEvents: true });
      let out = '';
      for (const piece of split(bytes, at)) {
        tap.push(piece, (emitted) => (out += Buffer.from(emitted).toString()));
        expect(tap.atBoundary).toBe(true);
        expect(out === '' || out.endsWith('\n\n')).toBe(true);
      }
      expect(out).toBe(bytes.toString());
    }),
  );
});

test('chunks of whole events pass as the very objects they came as', () => {
  const whole = Buffer.from(`${HEAD.join('\n\n')}\n\n`);
  for (const options of [{}, { holdPartialEvents: true }, { removeUsageChunk: true }]) {
    const seen: Uint8Array[] = [];
    new StreamTap(createStreamObserver('openai'), options).push(whole, (piece) => seen.push(piece));
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(whole);
  }
});

test('an event larger than the bound passes as it comes, unparsed and counted', () => {
  const big = chunk(`{"content":"${'x'.repeat(5000)}"}`);
  const bytes = Buffer.from(`${HEAD[0]}\n\n${big}\n\n${HEAD[1]}\n\n`);
  const { out, tap, pieces } = relay('openai', split(bytes, [300, 900, 1500, 3000]), {
    removeUsageChunk: true,
    maxEventBytes: 500,
  });
  expect(out.equals(bytes)).toBe(true);
  expect(pieces.length).toBeGreaterThan(3);
  expect(tap.observer).toMatchObject({ oversizedEvents: 1, contentDeltas: 1 });
});
