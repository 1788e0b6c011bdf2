import type { Dialect } from '@omg/llm-wire';
import { describe, expect, test, vi } from 'vitest';
import type { AllowanceRefusal } from '../src/app/allowances.ts';
import type { AccountQuota } from '../src/app/ports.ts';
import { startRelayBench } from './relay-bench.ts';

const BOTH: readonly Dialect[] = ['openai', 'anthropic'];
const quota = (change: Partial<AccountQuota>): AccountQuota => ({
  name: 'q',
  kind: 'rate',
  ofKey: true,
  limits: { slots: 3, requests: 1_000, tokens: 20_000 },
  hard: true,
  bucket: '',
  warnFromNanoUsd: undefined,
  ...change,
});
const refusal = (change: Partial<AllowanceRefusal>): AllowanceRefusal => ({
  reason: 'limit',
  quota: quota({}),
  dimension: 'slots',
  retryAfterMs: undefined,
  affordable: 0,
  ...change,
});
const RATE: Readonly<Record<Dialect, number>> = { openai: 429, anthropic: 429 };
const MONEY: Readonly<Record<Dialect, number>> = { openai: 429, anthropic: 402 };
const UNKNOWN: Readonly<Record<Dialect, number>> = { openai: 503, anthropic: 529 };

const cases = [
  ['parallel requests', refusal({}), RATE, 'this API key has reached its limit of 3 requests at the same time', '1'],
  [
    'requests a minute',
    refusal({ dimension: 'requests', retryAfterMs: 12_300, quota: quota({ ofKey: false }) }),
    RATE,
    'this account has reached its limit of 1,000 requests per minute',
    '13',
  ],
  ['tokens a minute', refusal({ dimension: 'tokens', retryAfterMs: 500 }), RATE, '20,000 tokens per minute', '1'],
  [
    'credits',
    refusal({ dimension: 'nanoUsd', quota: quota({ kind: 'credit', ofKey: false }) }),
    MONEY,
    'the credits of this account are spent',
    null,
  ],
  [
    'a budget',
    refusal({ dimension: 'nanoUsd', quota: quota({ kind: 'budget' }) }),
    MONEY,
    'the budget of this API key is spent',
    null,
  ],
  [
    'a budget with a rest',
    refusal({ dimension: 'nanoUsd', affordable: 300_000, quota: quota({ kind: 'budget' }) }),
    MONEY,
    'tokens of output are affordable, set max_tokens',
    null,
  ],
  [
    'what nobody can tell',
    refusal({ reason: 'unavailable', quota: undefined }),
    UNKNOWN,
    'limits cannot be checked',
    '2',
  ],
] as const;

/** An answer of that many events with content that says nothing of its tokens. */
function recordedStream(dialect: Dialect, deltas: number): { headers: Record<string, string>; chunks: string[] } {
  const event = (name: string, data: object): string =>
    `${dialect === 'anthropic' ? `event: ${name}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
  const chunks =
    dialect === 'openai'
      ? [
          ...Array.from({ length: deltas }, () => event('', { choices: [{ index: 0, delta: { content: 'x' } }] })),
          event('', { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
          'data: [DONE]\n\n',
        ]
      : [
          event('message_start', { type: 'message_start', message: { id: 'm', role: 'assistant', content: [] } }),
          ...Array.from({ length: deltas }, () =>
            event('content_block_delta', {
              type: 'content_block_delta',
              index: 0,
              delta: { type: 'text_delta', text: 'x' },
            }),
          ),
          event('message_stop', { type: 'message_stop' }),
        ];
  return { headers: { 'content-type': 'text/event-stream' }, chunks };
}

describe.each(BOTH)('what is refused in the dialect %s', (dialect) => {
  test.each(cases)(
    'by %s says so, and nothing is forwarded or written down',
    async (_, refused, status, message, retryAfter) => {
      await using bench = await startRelayBench();
      bench.allowances.refusal = refused;
      const response = await bench.ask(dialect);
      expect(response.status).toBe(status[dialect]);
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(response.headers.get('x-should-retry')).toBe(status === MONEY ? 'false' : null);
      expect(await response.text()).toContain(message);
      expect(bench.fake.books()).toEqual([]);
      expect(bench.outbox.requests).toEqual([]);
      expect(bench.allowances.settlements).toEqual([]);
    },
  );

  test('is nothing where it is admitted: the client learns how it stands, and what it used is settled once', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
    bench.allowances.standing = [{ quota: quota({}), left: { requests: 998, tokens: 19_000 } }];
    const response = await bench.ask(dialect, { stream: true });
    expect(response.status).toBe(200);
    const remaining =
      dialect === 'openai' ? 'x-ratelimit-remaining-requests' : 'anthropic-ratelimit-requests-remaining';
    expect(response.headers.get(remaining)).toBe('998');
    await response.arrayBuffer();
    await vi.waitFor(() => {
      expect(bench.allowances.settlements).toHaveLength(1);
    });
    // a dollar a million tokens: 25 of input, 20 of output
    expect(bench.allowances.settlements).toEqual([{ tokens: 45, costNanoUsd: 45_000, event: 1 }]);
    expect(bench.allowances.wishes[0]?.worstNanoUsd).toBeGreaterThanOrEqual(45_000);
  });

  test('is charged for no more output than was reserved, where the provider did not count it', async () => {
    await using bench = await startRelayBench();
    bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
    // more events with content than tokens that the request allows, and no numbers
    const recording = recordedStream(dialect, 12);
    bench.fake.setFault({ answer: { recording } });
    await (await bench.ask(dialect, { stream: true, body: { max_tokens: 5 } })).arrayBuffer();
    await vi.waitFor(() => {
      expect(bench.outbox.records).toHaveLength(1);
    });
    expect(bench.outbox.records[0]).toMatchObject({ usageSource: 'estimated', tokens: { output: 5 } });
  });

  test('because no key is to be had gives back what it had, and is no event', async () => {
    await using bench = await startRelayBench();
    expect((await bench.ask(dialect)).status).toBe(UNKNOWN[dialect]);
    expect(bench.allowances.settlements).toEqual([{ tokens: 0, costNanoUsd: 0, event: undefined }]);
  });
});
