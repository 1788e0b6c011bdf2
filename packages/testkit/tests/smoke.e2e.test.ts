import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  startFakeUpstream,
  startStack,
  testMongoUrl,
  testNatsUrl,
  type FakeUpstream,
  type Stack,
} from '../src/index.ts';

const SMOKE = join(import.meta.dirname, '../../../scripts/smoke');
const MODEL = 'claude-haiku-4-5-20251001';
const OTHERS = ['claude-opus-4-5-20251101', 'claude-sonnet-4-5-20250929'];

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function smoke(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const { PATH = '', HOME = '' } = process.env;
  // what is set to nothing is not taken from a .env, either
  const none = { OHMYGPT_API_KEYS: '', OPENHANDS_API_KEYS: '', OMG_KEY: '', MONGODB_URL: '', NATS_URL: '' };
  return await new Promise((resolve) => {
    execFile(SMOKE, [...args], { env: { PATH, HOME, ...none, ...env } }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

const Line = z.object({
  model: z.string(),
  dialect: z.string(),
  stream: z.boolean(),
  status: z.number(),
  problem: z.string(),
  booked: z.object({ inputTokens: z.number(), outputTokens: z.number(), costUsd: z.string() }).nullable(),
});
const linesOf = ({ out }: Run): z.infer<typeof Line>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => Line.parse(JSON.parse(line)));

let stack: Stack;
let fake: FakeUpstream;
const resources = new AsyncDisposableStack();
beforeAll(async () => {
  fake = resources.use(await startFakeUpstream({ scenario: { tokens: { input: 10, output: 12 } } }));
  stack = resources.use(
    await startStack({
      mongodbUrl: testMongoUrl(),
      natsUrl: testNatsUrl(),
      parts: ['key-broker', 'usage-ledger', 'router-ohmygpt'],
      upstreamKeys: { ohmygpt: ['key-1', 'key-2'] },
      env: { 'key-broker': { OHMYGPT_BASE_URL: `${fake.url}/ohmygpt` } },
    }),
  );
});
afterAll(async () => {
  await resources.disposeAsync();
});

test('without keys it says so and asks nothing, which is a failure only where that was asked for', async () => {
  const quiet = await smoke(['ohmygpt']);
  expect(quiet).toMatchObject({ code: 0, out: '' });
  expect(quiet.err).toContain('OHMYGPT_API_KEYS is not set');
  expect(await smoke(['openhands', '--require'])).toMatchObject({ code: 2 });
  const keyless = await smoke(['ohmygpt', '--url', 'http://127.0.0.1:1', '--require']);
  expect(keyless.code).toBe(2);
  expect(keyless.err).toContain('OMG_KEY is not set');
  expect((await smoke(['nowhere'])).err).toContain('say which site: openhands or ohmygpt');
});

test('a gateway that runs is asked for each model in both dialects, streamed and not, and its books have the costs', async () => {
  const [url = ''] = stack.addresses.ohmygptUrls;
  const env = { OMG_KEY: stack.secrets.clientKey };
  const run = await smoke(['ohmygpt', '--url', `${url}/`, '--json'], env);
  expect(run).toMatchObject({ code: 0, err: '' });
  const lines = linesOf(run);
  expect(lines).toHaveLength(12);
  expect(new Set(lines.map(({ model, dialect, stream }) => `${model} ${dialect} ${stream}`)).size).toBe(12);
  expect(new Set(lines.map(({ model }) => model))).toEqual(new Set([MODEL, ...OTHERS]));
  for (const { status, problem, booked, model } of lines) {
    expect([status, problem]).toEqual([200, '']);
    expect(booked).toMatchObject({ inputTokens: 10, outputTokens: 12 });
    // 10 at 1 and 12 at 5 USD a million
    if (model === MODEL) expect(booked?.costUsd).toBe('0.00007');
  }
  expect(fake.books()).toHaveLength(12);
  expect(run.out + run.err).not.toContain(stack.secrets.clientKey);
});

test('what fails or ends without its end is told in the table, and ends with 1', async () => {
  const [url = ''] = stack.addresses.ohmygptUrls;
  fake.setFault({ match: { dialect: 'anthropic', stream: false }, fault: 'anthropic-prompt-too-long', once: true });
  fake.setFault({
    match: { dialect: 'openai', stream: true },
    fault: { kind: 'cut', after: { tokens: 3 } },
    once: true,
  });
  const run = await smoke(['ohmygpt', '--url', url, '--models', MODEL], { OMG_KEY: stack.secrets.clientKey });
  expect(run.code).toBe(1);
  expect(run.out).toMatch(/MODEL +DIALECT +STREAM +STATUS +MS +INPUT +OUTPUT +USAGE +USD +PROBLEM/);
  expect(run.out).toMatch(/anthropic +no +400 .*prompt is too long/);
  expect(run.out).toMatch(/openai +yes +(200|0) .*(terminated|without its end)/);
  expect(run.out).toContain('2 of 4 requests as they should be.');
  const unknown = await smoke(['ohmygpt', '--url', url, '--models', 'gpt-0'], { OMG_KEY: stack.secrets.clientKey });
  expect(unknown).toMatchObject({ code: 1, out: '' });
  expect(unknown.err).toContain('ohmygpt does not serve gpt-0; it serves');
});

test('with keys it starts a gateway of its own, and asks the upstream with them', async () => {
  const before = fake.books().length;
  const env = { OHMYGPT_API_KEYS: 'key-9', OHMYGPT_BASE_URL: `${fake.url}/ohmygpt` };
  const run = await smoke(['ohmygpt', '--models', MODEL], env);
  expect(run).toMatchObject({ code: 0, err: '' });
  expect(run.out).toContain('4 of 4 requests as they should be.');
  expect(
    fake
      .books()
      .slice(before)
      .map(({ key }) => key),
  ).toEqual(['key-9', 'key-9', 'key-9', 'key-9']);
});
