import { connect } from 'node:net';
import { OmgError } from '@omg/errors';
import { connectNats, consumeRefusals, ensureRefusalStream, type Nats } from '@omg/messaging';
import type { refusalEventsV1 } from '@omg/proto-gen';
import { freshStreamName, testNatsUrl } from '@omg/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RefusalCounts, type Refusal } from '../src/app/refusal-counts.ts';
import { startRefusalPublisher, type RefusalPublisherOptions } from '../src/messaging/refusal-publisher.ts';
import { startRelayBench } from './relay-bench.ts';

const stack = new AsyncDisposableStack();
let nats: Nats;
beforeAll(async () => {
  nats = stack.use(await connectNats({ url: testNatsUrl(), name: 'refusals-test' }));
});
afterAll(async () => {
  await stack.disposeAsync();
});

const ACCOUNT = { tenantId: 't', tenantName: 'T', clientKeyId: 'k' };
const MAX_BYTES = 1024 * 1024;

describe('a request counts as refused', () => {
  test('where nothing of it was forwarded, with the account where that is known', async () => {
    await using bench = await startRelayBench();
    const { ask, refused, broker, outbox, url } = bench;
    expect((await ask('openai', { body: { model: 'no-such-model' } })).status).toBe(404);
    expect((await ask('anthropic')).status).toBe(529);
    broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
    outbox.fault = new OmgError('unavailable', 'the journal takes no more requests');
    expect((await ask('openai')).status).toBe(503);
    await fetch(`${url}/v1/nothing`);
    await fetch(`${url}/v1/messages`);
    await fetch(`${url}/v1/messages`, { method: 'POST', body: 'x'.repeat(1_000_001) });
    expect(refused).toMatchObject([
      { account: ACCOUNT, dialect: 'openai', kind: 'model_not_found', status: 404 },
      { account: ACCOUNT, dialect: 'anthropic', kind: 'no_key_available', status: 529 },
      { account: ACCOUNT, dialect: 'openai', kind: 'money_unknown', status: 503 },
      { account: undefined, dialect: 'openai', kind: 'not_found', status: 404 },
      { account: undefined, dialect: 'anthropic', kind: 'method_not_allowed', status: 405 },
      { account: undefined, dialect: 'anthropic', kind: 'body_too_large', status: 413 },
    ]);
    expect(outbox.records).toEqual([]);
  });

  test('where it was no valid HTTP', async () => {
    await using bench = await startRelayBench();
    const socket = connect(Number(new URL(bench.url).port), '127.0.0.1');
    socket.write('nonsense\r\n\r\n');
    await vi.waitFor(() => {
      expect(bench.refused).toEqual([{ account: undefined, dialect: 'openai', kind: 'bad_request', status: 400 }]);
    });
    socket.destroy();
  });

  test('but not where it was forwarded and failed: that is in the books', async () => {
    await using bench = await startRelayBench();
    const { ask, refused, broker, outbox, fake } = bench;
    broker.keys = [{ keyId: 'a', endpointName: 'primary' }];
    fake.setFault({ fault: 401 });
    expect((await ask('openai')).status).toBe(503);
    await vi.waitUntil(() => outbox.records.length > 0);
    expect(refused).toEqual([]);
  });
});

const REFUSAL: Refusal = { account: ACCOUNT, dialect: 'openai', kind: 'rate_limited', status: 429 };

function publisherOf(stream: string, counts: RefusalCounts, change: Partial<RefusalPublisherOptions> = {}) {
  const options = { nats, stream, counts, epoch: 'epoch', site: 'site', everyMs: 20, onRetry: () => undefined };
  return startRefusalPublisher({ ...options, ...change });
}

/** All that has come until then. */
async function read(
  stream: string,
  until: (batches: readonly refusalEventsV1.RefusalBatch[]) => boolean,
): Promise<readonly refusalEventsV1.RefusalBatch[]> {
  const batches: refusalEventsV1.RefusalBatch[] = [];
  for await (const { batch } of consumeRefusals({ nats, stream, fromSeq: 1, signal: AbortSignal.timeout(5_000) })) {
    if (batch !== undefined) batches.push(batch);
    if (until(batches)) break;
  }
  return batches;
}

const sumOf = (batches: readonly refusalEventsV1.RefusalBatch[]): number =>
  batches.flatMap(({ counts }) => counts).reduce((sum, { count }) => sum + Number(count), 0);

describe('counts of refused requests', () => {
  test('are published within seconds, in numbered batches of at most 500 rows', async () => {
    const stream = freshStreamName('REFUSALS');
    await ensureRefusalStream(nats, { stream, maxBytes: MAX_BYTES });
    const counts = new RefusalCounts({ maxRows: 10_000 });
    await using _ = publisherOf(stream, counts);
    const at = new Date('2026-11-30T10:20:30Z');
    for (let key = 0; key < 1_200; key += 1)
      counts.add({ ...REFUSAL, account: { tenantId: 't', clientKeyId: `key-${key}` } }, at);
    counts.add({ ...REFUSAL, account: undefined, kind: 'invalid_key', status: 401, dialect: 'anthropic' }, at);
    const batches = await read(stream, (all) => sumOf(all) >= 1_201);
    expect(batches.map(({ number, counts: { length } }) => [number, length])).toEqual([
      [1n, 500],
      [2n, 500],
      [3n, 201],
    ]);
    expect(batches[0]).toMatchObject({ minReaderVersion: 1, epoch: 'epoch', site: 'site' });
    expect(batches[0]?.counts[0]).toEqual({
      minute: new Date('2026-11-30T10:20:00Z'),
      tenantId: 't',
      clientKeyId: 'key-0',
      dialect: 'DIALECT_OPENAI',
      kind: 'rate_limited',
      statusCode: 429,
      count: 1n,
      merged: false,
    });
    expect(batches[2]?.counts.at(-1)).toMatchObject({ tenantId: '', clientKeyId: '', dialect: 'DIALECT_ANTHROPIC' });
  });

  test('that cannot be sent are kept, and sent once they can be: each once', async () => {
    const stream = freshStreamName('REFUSALS');
    const counts = new RefusalCounts({ maxRows: 100 });
    const errors: unknown[] = [];
    await using _ = publisherOf(stream, counts, { onRetry: (error) => errors.push(error) });
    counts.add(REFUSAL, new Date());
    await vi.waitFor(() => {
      expect(errors.length).toBeGreaterThanOrEqual(2);
    });
    expect(errors[0]).toMatchObject({ code: 'unavailable' });
    counts.add(REFUSAL, new Date());
    counts.add(REFUSAL, new Date());
    await ensureRefusalStream(nats, { stream, maxBytes: MAX_BYTES });
    const batches = await read(stream, (all) => sumOf(all) >= 3);
    expect(batches.map((each) => [each.number, sumOf([each])])).toEqual([
      [1n, 1],
      [2n, 2],
    ]);
  });

  test('are published before the process ends, and hold its end up for a few seconds at most', async () => {
    const stream = freshStreamName('REFUSALS');
    await ensureRefusalStream(nats, { stream, maxBytes: MAX_BYTES });
    const counts = new RefusalCounts({ maxRows: 100 });
    counts.add(REFUSAL, new Date());
    await publisherOf(stream, counts, { everyMs: 60_000 })[Symbol.asyncDispose]();
    expect(sumOf(await read(stream, (all) => all.length > 0))).toBe(1);

    counts.add(REFUSAL, new Date());
    const startedMs = performance.now();
    await publisherOf(freshStreamName('ABSENT'), counts, { everyMs: 60_000 })[Symbol.asyncDispose]();
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });
});
