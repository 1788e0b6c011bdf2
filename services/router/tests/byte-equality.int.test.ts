import type { Dialect } from '@omg/llm-wire';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startRelayBench, type RelayBench } from './relay-bench.ts';

const BOTH: readonly Dialect[] = ['openai', 'anthropic'];
const resources = new AsyncDisposableStack();
let bench: RelayBench;

beforeAll(async () => {
  bench = resources.use(await startRelayBench());
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
});
afterAll(async () => {
  await resources.disposeAsync();
});

interface Relayed {
  readonly bytes: Buffer;
  readonly upstream: Buffer;
}

const TOOL_CALL = { name: 'read', arguments: { path: 'ä/東', deep: [1, { x: null }] } };

/** One stream through the router; the fake answers as it was told last. */
async function relay(dialect: Dialect, asksUsage: boolean): Promise<Relayed> {
  const settled = bench.outbox.records.length;
  const body = dialect === 'openai' && !asksUsage ? { stream_options: undefined } : {};
  const response = await bench.ask(dialect, { stream: true, body });
  expect(response.status).toBe(200);
  const bytes = Buffer.from(await response.arrayBuffer());
  await vi.waitUntil(() => bench.outbox.records.length > settled, { timeout: 5_000, interval: 1 });
  expect(bench.outbox.records.at(-1)).toMatchObject({ success: true });
  return { bytes, upstream: bench.fake.body('last') ?? Buffer.alloc(0) };
}

const USAGE_CHUNK = /data: \{[^\n]*"choices":\[\],"usage":\{[^\n]*\}(?:\r\n\r\n|\n\n)/;

describe('the bytes of a stream are the upstream’s', () => {
  const anyAnswer = fc.record({
    text: fc.string({ unit: fc.constantFrom('a ', 'é', '東', '👩‍🚀', '\n', '"', '\\', '\u2028', ' {}'), maxLength: 40 }),
    tokens: fc.record({ output: fc.integer({ min: 1, max: 60 }), cacheRead: fc.nat(9), reasoning: fc.constant(0) }),
    padding: fc.boolean(),
    lineEnd: fc.constantFrom('lf', 'crlf'),
    chunks: fc.oneof(
      fc.constantFrom('event', 'one'),
      fc.record({ bytes: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ randomSeed: fc.integer({ min: 0, max: 1_000 }), maxBytes: fc.integer({ min: 1, max: 400 }) }),
    ),
    framing: fc.constantFrom('chunked', 'close'),
    toolCall: fc.option(fc.constant(TOOL_CALL)),
  });

  test.each([
    ['openai', true],
    ['openai', false],
    ['anthropic', true],
  ] as const)('%s, the client asks for the usage itself: %s', async (dialect, asksUsage) => {
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (answer) => {
        bench.fake.clearFaults();
        bench.fake.setFault({ answer });
        const { bytes, upstream } = await relay(dialect, asksUsage);
        const expected = asksUsage ? upstream.toString() : upstream.toString().replace(USAGE_CHUNK, '');
        expect(expected.length < upstream.toString().length).toBe(!asksUsage);
        expect(bytes.toString()).toBe(expected);
        const { output } = bench.outbox.records.at(-1)?.tokens ?? {};
        expect(output).toBe(Math.min(answer.tokens.output, 50));
      }),
      { numRuns: 60 },
    );
  });

  test.each(['web-search', 'code-execution-cache', 'compaction', 'compaction-cache', 'advisor'] as const)(
    'with usage as it was recorded, in chunks of any size: %s',
    async (preset) => {
      for (const maxBytes of [1, 7, 64, 4_096]) {
        bench.fake.clearFaults();
        bench.fake.setFault({
          answer: { preset, deltas: 5, chunks: { randomSeed: maxBytes, maxBytes }, padding: true },
        });
        const { bytes, upstream } = await relay('anthropic', true);
        expect(bytes.equals(upstream)).toBe(true);
      }
    },
  );
});

const ENDS = {
  openai: 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
  anthropic: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
};
const OWN_USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n';

describe('what no vendor sends passes as it is', () => {
  const anyEvent = fc.oneof(
    fc.constantFrom(
      ': keep-alive\n\n',
      'data: {broken\n\n',
      'id: 7\nretry: 9\n\n',
      '\n\n',
      'data:\n\n',
      'event: 東\ndata: é\n\n',
    ),
    fc.string({ unit: fc.constantFrom('é', '東', 'x', ' ') }).map((content) => `data: {"note":"${content}"}\n\n`),
    fc
      .string({ unit: fc.constantFrom('é', '👩‍🚀', 'x') })
      .map((content) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}]}\n\n`),
  );
  const anyStream = fc.record({
    events: fc.array(anyEvent, { minLength: 1, maxLength: 12 }),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    bom: fc.constantFrom('', '\uFEFF'),
    // a BOM would go with it
    usageAt: fc.integer({ min: 1, max: 12 }),
    cuts: fc.array(fc.nat(), { maxLength: 10 }),
  });

  test.each(BOTH.flatMap((dialect) => [[dialect, true] as const, [dialect, false] as const]))(
    '%s, the client asks for the usage itself: %s',
    async (dialect, asksUsage) => {
      await fc.assert(
        fc.asyncProperty(anyStream, async ({ events, lineEnd, bom, usageAt, cuts }) => {
          const withUsage = dialect === 'openai' ? events.toSpliced(usageAt, 0, OWN_USAGE) : events;
          const write = (parts: readonly string[]): Buffer =>
            Buffer.from(bom + [...parts, ENDS[dialect]].join('').replaceAll('\n', lineEnd));
          const sent = write(withUsage);
          bench.fake.clearFaults();
          bench.fake.setFault({
            answer: {
              recording: {
                headers: { 'content-type': 'text/event-stream' },
                chunks: splitAt(sent, cuts).map((chunk) => ({ base64: chunk.toString('base64') })),
              },
            },
          });
          const { bytes, upstream } = await relay(dialect, asksUsage);
          expect(upstream.equals(sent)).toBe(true);
          expect(bytes.toString()).toBe((asksUsage ? sent : write(events)).toString());
        }),
        { numRuns: 60 },
      );
    },
  );
});

function splitAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const at = [...new Set([...cuts.map((cut) => cut % bytes.length), 0, bytes.length])].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}
