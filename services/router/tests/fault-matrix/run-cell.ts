import type { BookEntry } from '@omg/testkit';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import type { SettledRequest } from '../../src/app/ports.ts';
import { readUntilBroken } from '../read-until-broken.ts';
import { startRelayBench, type RelayBench } from '../relay-bench.ts';
import type { Cell } from './cells.ts';
import { expectedBytes, expectedRecord, expectedStatus, verdictOf } from './expectations.ts';

const HASTY_MS = 300;
const HASTY = { headersMs: HASTY_MS, headersNotStreamingMs: HASTY_MS, firstTokenMs: HASTY_MS, idleMs: HASTY_MS };
/** What a client must not be able to read: keys, whole or masked, and who the upstream is. */
const HIDDEN = /secret|org-fakeupstream|127\.0\.0\.1|litellm|\breq_|cloudflare|upstream\.internal/i;

/** One request into the fault of the cell, and everything that is to be true afterwards. */
export async function runCell(cell: Cell): Promise<void> {
  const { way, occurs, fault } = cell;
  await using bench = await startRelayBench({
    retry: { attempts: 2 },
    ...(cell.slow === true ? { deadlines: HASTY } : {}),
  });
  const { fake, broker } = bench;
  broker.keys = [
    { keyId: 'a', endpointName: 'primary' },
    { keyId: 'b', endpointName: 'primary' },
  ];
  fake.setFault({ answer: { fault, tokens: { output: 10 } }, ...(occurs === 'once' ? { once: true } : {}) });
  if (occurs === 'once') fake.setFault({ answer: { tokens: { output: 10 } } });
  const response = await bench.ask(way.dialect, {
    stream: way.stream,
    body: way.stream && !way.asksUsage ? { stream_options: undefined } : {},
  });
  const { text, error } = await readUntilBroken(response);
  const record = await settled(bench);
  const books = fake.books();

  // what the client saw
  const status = expectedStatus(cell, fake.bookById('last')?.status ?? null);
  expect(response.status).toBe(status);
  expect(error === undefined ? 'ended' : 'broken').toBe(cell.expected.kind === 'broken' ? 'broken' : 'ended');
  if (response.status === 200) expect(text).toBe(expectedBytes(cell, fake.body('last') ?? Buffer.alloc(0), record));
  else {
    SHAPES[way.dialect].parse(JSON.parse(text));
    expect(text).not.toMatch(HIDDEN);
  }
  expect(JSON.stringify([...response.headers])).not.toMatch(HIDDEN);

  // what the broker learned
  const attempts = attemptsOf(cell);
  expect(broker.causes).toEqual(attempts.map((met) => (met ? verdictOf(cell.expected) : 'success')));
  expect(JSON.stringify(broker.granted.map(({ verdicts }) => verdicts))).not.toContain('secret-of');

  // what was billed
  expect(record).toMatchObject({ statusCode: status, ...expectedRecord(cell, record) });
  expect(record.attempts.map(({ cause }) => cause)).toEqual(
    attempts.map((met) => (met && cell.expected.kind !== 'whole' ? cell.expected.cause : '')),
  );
  expect(record.attempts.map((attempt) => [attempt.statusCode, attempt.providerRequestId, attempt.keyId])).toEqual(
    books.map((book) => [book.status ?? 0, book.requestId ?? '', (book.key ?? '').replace('secret-of-', '')]),
  );
  await expectNothingHeld(bench, record, books);
}

/** Of each attempt, whether it meets the fault. */
function attemptsOf({ expected, occurs }: Cell): readonly boolean[] {
  if (expected.kind !== 'unseen' || expected.cause === 'request_fault') return [true];
  return occurs === 'once' ? [true, false] : [true, true];
}

/** An error as the SDKs of the dialect read it. */
const SHAPES = {
  openai: z.strictObject({
    error: z.strictObject({
      message: z.string().min(1),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  }),
  anthropic: z.strictObject({
    type: z.literal('error'),
    error: z.strictObject({ type: z.string(), message: z.string().min(1) }),
    request_id: z.uuid(),
  }),
};

async function settled({ outbox }: RelayBench): Promise<SettledRequest> {
  return await vi.waitUntil(() => outbox.records[0], { timeout: 5_000, interval: 5 });
}

/** Its answer may have been read to the end. */
function isReusable({ status, clientAwayAtMs }: BookEntry): boolean {
  return status !== null && clientAwayAtMs === null;
}

/** Slots, allowances and sockets are back, each once, and no fault of the gateway's own was met. */
async function expectNothingHeld(
  bench: RelayBench,
  record: SettledRequest,
  books: readonly BookEntry[],
): Promise<void> {
  const { outbox, broker, allowances, faults, refused, openStreams, fake } = bench;
  await vi.waitFor(
    () => {
      expect(openStreams.count).toBe(0);
      expect(fake.stats().open).toBe(0);
    },
    { timeout: 2_000, interval: 5 },
  );
  expect([outbox.requests.length, outbox.records.length, faults, refused]).toEqual([1, 1, [], []]);
  const { input, output } = record.tokens;
  expect(broker.granted.map(({ released }) => released)).toEqual(
    books.map((_, index) => [index === books.length - 1 ? input + output : 0]),
  );
  const costNanoUsd = (input + output) * 1_000;
  expect(record.costNanoUsd).toBe(costNanoUsd);
  expect([allowances.wishes.length, allowances.settlements]).toEqual([
    1,
    [{ tokens: input + output, costNanoUsd, event: 1 }],
  ]);
  // those of answers that came to their end may wait for the next request
  expect(fake.stats().connections.open).toBeLessThanOrEqual(books.filter(isReusable).length);
  await bench.stopRouter();
  await vi.waitUntil(() => fake.stats().connections.open === 0, { timeout: 2_000, interval: 5 });
}
