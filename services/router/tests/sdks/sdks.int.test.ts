import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultInput } from '@omg/testkit';
import type { Authentication } from '../../src/app/authenticate.ts';
import type { AllowanceRefusal } from '../../src/app/allowances.ts';
import { UNRESTRICTED } from '../../src/domain/key-terms.ts';
import { MODEL, startRelayBench, type RelayBench } from '../relay-bench.ts';
import { aiSdkAnthropic, aiSdkOpenai } from './ai-sdks.ts';
import { anthropicSdk, anthropicSdkBefore } from './anthropic-sdks.ts';
import { openaiSdk } from './openai-sdk.ts';
import { FAILURES, type Failure, type Sdk } from './sdk.ts';

const SDKS: readonly (readonly [name: string, sdk: Sdk])[] = [
  ['openai', openaiSdk],
  ['@anthropic-ai/sdk 1', anthropicSdk],
  ['@anthropic-ai/sdk 0', anthropicSdkBefore],
  ['@ai-sdk/openai', aiSdkOpenai],
  ['@ai-sdk/anthropic', aiSdkAnthropic],
];
const WAYS = ['ask', 'stream'] as const;
const ACCOUNT = { tenantId: 't', tenantName: 'T', clientKeyId: 'k', keyTerms: UNRESTRICTED, quotas: [] };
const HASTY_MS = 400;

let bench: RelayBench;
let authentication: Authentication;

beforeEach(async () => {
  authentication = { account: ACCOUNT };
  bench = await startRelayBench({
    authenticate: async () => await Promise.resolve(authentication),
    retry: { attempts: 1 },
    deadlines: { headersMs: HASTY_MS, headersNotStreamingMs: HASTY_MS, idleMs: HASTY_MS },
  });
  bench.broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const refusal = (dimension: 'requests' | 'nanoUsd'): AllowanceRefusal => ({
  reason: 'limit',
  quota: {
    name: 'q',
    kind: dimension === 'requests' ? 'rate' : 'credit',
    ofKey: false,
    limits: { requests: 1 },
    hard: true,
    bucket: '',
    warnFromNanoUsd: undefined,
  },
  dimension,
  retryAfterMs: 1_000,
  affordable: 0,
});

/** How each failure comes about. */
const CAUSES: Readonly<Record<Failure, (dialect: Sdk['dialect']) => void>> = {
  'bad request': (dialect) =>
    bench.fake.setFault({ fault: dialect === 'openai' ? 'openai-context-length' : 'anthropic-prompt-too-long' }),
  'wrong key': () => {
    authentication = { refused: 'unknown' };
  },
  forbidden: () => {
    authentication = { account: ACCOUNT, refused: 'key_disabled' };
  },
  'not found': (dialect) =>
    bench.fake.setFault({ fault: dialect === 'openai' ? 'openai-model-not-found' : 'anthropic-not-found' }),
  'too large': () => bench.fake.setFault({ fault: 413 }),
  'rate limit': () => {
    bench.allowances.refusal = refusal('requests');
  },
  'money spent': () => {
    bench.allowances.refusal = refusal('nanoUsd');
  },
  'no capacity': () => bench.fake.setFault({ fault: 401 }),
  failed: () => bench.fake.setFault({ fault: 500 }),
  late: () => bench.fake.setFault({ fault: 'silence' }),
};

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    (said) => {
      throw new Error(`it looked whole: ${JSON.stringify(said)}`);
    },
    (error: unknown) => error,
  );
}

describe.each(SDKS)('%s', (_name, sdk) => {
  const tokens = { input: 25, output: 12 };
  const stopped = sdk.dialect === 'openai' ? 'stop' : 'end_turn';
  const calls = sdk.dialect === 'openai' ? 'tool_calls' : 'tool_use';
  const finishes = (own: string, ai: string): unknown => expect.toBeOneOf([own, ai]);

  test.each(WAYS)('has the answer: %s', async (way) => {
    bench.fake.setFault({ answer: { text: 'In the attic, 東京 — “où?”', tokens } });
    expect(await sdk[way](bench.url, MODEL)).toEqual({
      text: 'In the attic, 東京 — “où?”',
      tool: undefined,
      outputTokens: 12,
      finish: finishes(stopped, 'stop'),
    });
    expect(bench.outbox.records[0]).toMatchObject({ success: true, tokens: { output: 12 } });
  });

  test.each(WAYS)('has the tool call: %s', async (way) => {
    const input = { path: 'a/"b"/ü', deep: [1, { x: null }] };
    bench.fake.setFault({ answer: { toolCall: { name: 'read', arguments: input }, tokens } });
    expect(await sdk[way](bench.url, MODEL)).toMatchObject({
      tool: { name: 'read', input },
      finish: finishes(calls, 'tool-calls'),
    });
  });

  test.each(FAILURES)('raises what its users expect: %s', async (failure) => {
    CAUSES[failure](sdk.dialect);
    for (const way of WAYS) expect(sdk.raised(await errorOf(sdk[way](bench.url, MODEL)))).toEqual(sdk.raises[failure]);
  });

  const cuts = (after: { readonly tokens: number } | { readonly bytes: number }): readonly FaultInput[] =>
    (['rst', 'fin', 'end'] as const).map((how) => ({ kind: 'cut', how, after }));
  const broken: readonly FaultInput[] = [
    ...cuts({ tokens: 5 }),
    { kind: 'stall', after: { tokens: 5 } },
    { kind: 'error-event', after: { tokens: 5 } },
    { kind: 'cut', how: 'end', after: { bytes: 1_234 } },
    ...(sdk.dialect === 'anthropic' ? (['no-terminal'] as const) : []),
  ];

  test.each(broken)('a stream that breaks never looks whole: %j', async (fault) => {
    bench.fake.setFault({ fault });
    expect(await errorOf(sdk.stream(bench.url, MODEL))).toBeDefined();
    expect(bench.fake.books()).toMatchObject([{ status: 200 }]);
  });

  test.each<FaultInput>([...cuts({ bytes: 40 }), 'malformed'])(
    'an answer that breaks never looks whole: %j',
    async (fault) => {
      bench.fake.setFault({ fault });
      expect(sdk.raised(await errorOf(sdk.ask(bench.url, MODEL)))[1]).toBeOneOf([502, 504]);
    },
  );
});

test('a stream of OpenAI’s without [DONE] is whole by its finish_reason', async () => {
  bench.fake.setFault({ fault: 'no-terminal' });
  for (const sdk of [openaiSdk, aiSdkOpenai])
    expect(await sdk.stream(bench.url, MODEL)).toMatchObject({ finish: 'stop' });
});
