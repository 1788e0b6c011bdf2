import { heartbeat, type Dialect } from '@omg/llm-wire';
import { describe, expect, test, vi } from 'vitest';
import { startRelayBench } from './relay-bench.ts';

const BOTH: readonly Dialect[] = ['openai', 'anthropic'];
const keys = (...keyIds: string[]): { readonly keyId: string; readonly endpointName: string }[] =>
  keyIds.map((keyId) => ({ keyId, endpointName: 'primary' }));

describe('a first token that does not come in time', () => {
  test.each(BOTH)('is a timeout of that attempt, and another key answers: %s', async (dialect) => {
    await using bench = await startRelayBench({ deadlines: { firstTokenMs: 300 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ match: { key: 'secret-of-a' }, fault: { kind: 'stall', after: { tokens: 0 } } });
    const response = await bench.ask(dialect, { stream: true });
    expect(await response.text()).toBe(bench.fake.body('last')?.toString());
    expect(bench.broker.causes).toEqual(['timeout', 'success']);
    expect(bench.outbox.records[0]?.attempts).toMatchObject([{ cause: 'timeout' }, { cause: '' }]);
  });

  test.each(BOTH)('breaks off a stream whose head the client has seen, and says so: %s', async (dialect) => {
    await using bench = await startRelayBench({ deadlines: { firstTokenMs: 300 }, retry: { headHoldMs: 20 } });
    bench.broker.keys = keys('a', 'b');
    bench.fake.setFault({ fault: { kind: 'stall', after: { tokens: 0 } } });
    const response = await bench.ask(dialect, { stream: true });
    expect(response.status).toBe(200);
    let text = '';
    const reading = response.body?.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream<string>({
        write: (chunk) => {
          text += chunk;
        },
      }),
    );
    await expect(reading).rejects.toThrow(/terminated/);
    expect(text).toContain('incomplete');
    await vi.waitFor(() => {
      expect(bench.outbox.records).toMatchObject([{ success: false, abortReason: 'timeout' }]);
    });
  });

  test('is none of a stream that has begun and then is slow', async () => {
    await using bench = await startRelayBench({ deadlines: { firstTokenMs: 300 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: { kind: 'stall', after: { tokens: 2 }, forMs: 700 } });
    const response = await bench.ask('anthropic', { stream: true });
    expect(await response.text()).toContain('message_stop');
  });
});

describe('while the upstream is silent', () => {
  test.each(BOTH)('a stream that has begun gives signs of life, and nothing else changes: %s', async (dialect) => {
    await using bench = await startRelayBench({ site: { heartbeatMs: 100 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ fault: { kind: 'stall', after: { tokens: 3 }, forMs: 650 } });
    const response = await bench.ask(dialect, { stream: true });
    const parts = (await response.text()).split(heartbeat(dialect).toString());
    expect(parts.length - 1).toBeGreaterThanOrEqual(3);
    expect(parts.length - 1).toBeLessThanOrEqual(7);
    expect(parts.join('')).toBe(bench.fake.body('last')?.toString());
  });

  test('in the middle of an event nothing is put into it', async () => {
    await using bench = await startRelayBench({ site: { heartbeatMs: 50 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({
      answer: {
        chunks: { randomSeed: 3, maxBytes: 7 },
        tokens: { output: 30 },
        fault: { kind: 'stall', after: { bytes: 2_001 }, forMs: 400 },
      },
    });
    const response = await bench.ask('openai', { stream: true });
    const parts = (await response.text()).split(heartbeat('openai').toString());
    expect(parts.length).toBeGreaterThan(1);
    // what has come of the event waits for the rest of it
    expect(parts.every((part) => part === '' || part.endsWith('\n\n'))).toBe(true);
    expect(parts.join('')).toBe(bench.fake.body('last')?.toString());
  });

  test('a stream that is lively has none', async () => {
    await using bench = await startRelayBench({ site: { heartbeatMs: 250 } });
    bench.broker.keys = keys('a');
    bench.fake.setFault({ answer: { tokens: { output: 20 }, paceMs: 40 } });
    const response = await bench.ask('anthropic', { stream: true });
    expect(await response.text()).toBe(bench.fake.body('last')?.toString());
  });
});
