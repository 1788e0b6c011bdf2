import type { Dialect } from '@omg/llm-wire';
import { describe, expect, test, vi } from 'vitest';
import { startRelayBench, type RelayBench } from './relay-bench.ts';
import { startSilentOrigin } from './upstream-origins.ts';

const EVERY_WAY = (['openai', 'anthropic'] as const).flatMap((dialect: Dialect) => [
  { dialect, stream: false },
  { dialect, stream: true },
]);
const drain = { policy: 'drain', maxMs: 5_000, maxBytes: 1_000_000 } as const;

const withKey = (bench: RelayBench): RelayBench => {
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
  return bench;
};

/** Nothing is held any more, and it was given back once. */
async function expectSettledOnce(bench: RelayBench): Promise<void> {
  await vi.waitFor(() => {
    expect(bench.allowances.settlements).toHaveLength(1);
    expect(bench.broker.granted.map(({ released }) => released.length)).toEqual(bench.broker.granted.map(() => 1));
    expect(bench.openStreams.count).toBe(0);
  });
  expect(bench.faults).toEqual([]);
}

/** Asks, and leaves when the upstream has delivered so much. */
async function leaveAfter(
  bench: RelayBench,
  deltas: number,
  ask: { dialect: Dialect; stream: boolean },
): Promise<void> {
  const client = new AbortController();
  const asked = bench.ask(ask.dialect, { stream: ask.stream, signal: client.signal });
  const response = ask.stream ? await asked : undefined;
  await vi.waitFor(() => {
    expect(bench.fake.books()[0]?.delivered.output ?? -1).toBeGreaterThanOrEqual(deltas);
  });
  client.abort();
  await (response === undefined ? asked : response.text()).catch(() => undefined);
}

describe('where the site says drain', () => {
  test.each(EVERY_WAY)(
    'what a client left is read to its end, and billed by the provider’s number: $dialect, stream $stream',
    async (ask) => {
      await using bench = withKey(await startRelayBench({ site: { onClientGone: drain } }));
      bench.fake.setFault({ answer: { tokens: { output: 40 }, paceMs: 10, firstByteDelayMs: ask.stream ? 0 : 300 } });
      await leaveAfter(bench, ask.stream ? 5 : 0, ask);
      await expectSettledOnce(bench);
      expect(bench.fake.books()).toMatchObject([{ complete: true, clientAwayAtMs: null, delivered: { output: 40 } }]);
      expect(bench.outbox.records).toMatchObject([
        {
          statusCode: 499,
          success: false,
          abortReason: 'client_gone',
          usageSource: 'provider',
          tokens: { input: 25, output: 40 },
          attempts: [{ statusCode: 200, cause: '' }],
        },
      ]);
      expect(bench.broker.granted[0]?.released).toEqual([65]);
    },
  );

  test.each([
    ['time', { ...drain, maxMs: 200 }],
    ['size', { ...drain, maxBytes: 2_000 }],
  ])('it is read on no longer than its %s allows, and what came is counted', async (_, onClientGone) => {
    await using bench = withKey(await startRelayBench({ site: { onClientGone } }));
    bench.fake.setFault({ answer: { tokens: { output: 50 }, paceMs: 20 } });
    await leaveAfter(bench, 3, { dialect: 'anthropic', stream: true });
    await expectSettledOnce(bench);
    await vi.waitFor(() => {
      expect(bench.fake.books()).toMatchObject([{ complete: false }]);
      expect(bench.fake.books()[0]?.clientAwayAtMs).not.toBeNull();
    });
    const [record] = bench.outbox.records;
    expect(record).toMatchObject({ statusCode: 499, abortReason: 'client_gone', usageSource: 'counted' });
    expect(record?.tokens.output).toBeGreaterThan(3);
    expect(record?.tokens.output).toBeLessThan(40);
  });

  test('what fails after its client left is not tried again', async () => {
    await using bench = withKey(await startRelayBench({ site: { onClientGone: drain } }));
    bench.fake.setFault({ answer: { headerDelayMs: 300, fault: 500 } });
    const client = new AbortController();
    const asked = bench.ask('openai', { signal: client.signal });
    await vi.waitFor(() => {
      expect(bench.fake.books()).toHaveLength(1);
    });
    client.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await expectSettledOnce(bench);
    expect(bench.fake.books()).toHaveLength(1);
    expect(bench.outbox.records).toMatchObject([{ statusCode: 499, abortReason: 'client_gone', usageSource: 'none' }]);
  });

  test('a client that hangs up on the last event has had all of it', async () => {
    await using bench = withKey(await startRelayBench({ site: { onClientGone: drain } }));
    const chunks = [
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"a"}}\n\n',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
      { text: ': the end is late\n\n', delayMs: 500 },
    ];
    bench.fake.setFault({ answer: { recording: { headers: { 'content-type': 'text/event-stream' }, chunks } } });
    const client = new AbortController();
    const response = await bench.ask('anthropic', { stream: true, signal: client.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('"message_stop"')) text += (await reader?.read())?.value ?? '';
    client.abort();
    await expectSettledOnce(bench);
    expect(bench.outbox.records).toMatchObject([{ statusCode: 200, success: true, tokens: { output: 2 } }]);
  });
});

describe('a client that leaves while its request waits', () => {
  test('for an allowance gives back at once what comes too late, and nothing is forwarded', async () => {
    await using bench = withKey(await startRelayBench());
    const granted = Promise.withResolvers<undefined>();
    bench.allowances.wait = granted.promise;
    const client = new AbortController();
    const asked = bench.ask('openai', { signal: client.signal });
    await vi.waitFor(() => {
      expect(bench.allowances.wishes).toHaveLength(1);
    });
    client.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await vi.waitFor(() => {
      expect(bench.allowances.wishes[0]?.signal.aborted).toBe(true);
    });
    granted.resolve(undefined);
    await expectSettledOnce(bench);
    expect(bench.allowances.settlements).toEqual([{ tokens: 0, costNanoUsd: 0, event: undefined }]);
    expect([bench.broker.wishes, bench.fake.books(), bench.refused]).toEqual([[], [], []]);
  });

  test('for a lease is told to the broker, and is no event', async () => {
    await using bench = withKey(await startRelayBench());
    const client = new AbortController();
    bench.broker.wait = async ({ signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
    };
    bench.broker.keys = [];
    const asked = bench.ask('anthropic', { stream: true, signal: client.signal });
    await vi.waitFor(() => {
      expect(bench.broker.wishes).toHaveLength(1);
    });
    client.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    await expectSettledOnce(bench);
    expect(bench.allowances.settlements).toEqual([{ tokens: 0, costNanoUsd: 0, event: undefined }]);
    expect([bench.outbox.requests, bench.fake.books(), bench.refused]).toEqual([[], [], []]);
  });

  test.each(['cancel', 'drain'] as const)(
    'for a connection to the upstream is done with at once or when connecting is over: %s',
    async (policy) => {
      await using silent = await startSilentOrigin();
      await using bench = await startRelayBench({ site: { onClientGone: { ...drain, policy } } });
      const { host, port } = { host: '127.0.0.1', port: silent.port };
      // a proxy that accepts and says nothing: there is a socket, and no connection
      bench.broker.keys = [{ keyId: 'a', endpointName: 'primary', proxy: { id: 'p', type: 'http', host, port } }];
      const client = new AbortController();
      const asked = bench.ask('openai', { signal: client.signal });
      await vi.waitFor(() => {
        expect(silent.open()).toBe(1);
      });
      const leftMs = performance.now();
      client.abort();
      await expect(asked).rejects.toThrow(/abort/i);
      await vi.waitFor(
        () => {
          expect(bench.outbox.records).toHaveLength(1);
        },
        { timeout: 3_000 },
      );
      // connecting may take a second
      expect(performance.now() - leftMs).toBeLessThan(policy === 'cancel' ? 500 : 1_500);
      await expectSettledOnce(bench);
      expect(bench.outbox.records).toMatchObject([{ statusCode: 499, usageSource: 'none' }]);
      await vi.waitFor(
        () => {
          expect(silent.open()).toBe(0);
        },
        { timeout: 3_000 },
      );
    },
  );
});

test('an event that nobody can read passes as it came and is counted', async () => {
  await using bench = withKey(await startRelayBench());
  bench.fake.setFault({ fault: { kind: 'malformed', after: { tokens: 4 } } });
  for (const dialect of ['openai', 'anthropic'] as const) {
    const response = await bench.ask(dialect, { stream: true });
    expect(await response.text()).toBe(bench.fake.body('last')?.toString());
  }
  await vi.waitFor(() => {
    expect(bench.outcomes).toMatchObject([
      { success: true, unreadEvents: 1 },
      { success: true, unreadEvents: 1 },
    ]);
  });
});
