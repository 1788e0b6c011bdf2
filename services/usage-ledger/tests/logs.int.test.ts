import { randomUUIDv7 } from 'node:crypto';
import { eventsV1 } from '@omg/proto-gen';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedCost, makeEvent, makeWorld, publish, settled, type Ledger, type World } from './ledger.ts';

let world: World;
let ledger: Ledger;
beforeAll(async () => {
  world = await makeWorld();
  ledger = await world.start();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function idsOf(
  filter: { tenantId?: string; clientKeyId?: string; site?: string },
  pageSize: number,
  betweenPages?: () => Promise<void>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  let pageToken = '';
  do {
    const page = await ledger.usage.listLogs({ pageSize, pageToken, filter: undefined, ...filter });
    expect(page.logs.length).toBeLessThanOrEqual(pageSize === 0 ? 50 : pageSize);
    ids.push(...page.logs.map(({ event }) => event?.requestId ?? ''));
    pageToken = page.nextPageToken;
    await betweenPages?.();
  } while (pageToken !== '');
  return ids;
}

describe('a log', () => {
  const count = fc.bigInt({ min: 0n, max: 10_000_000n });
  const uint32 = fc.nat({ max: 2 ** 32 - 1 });
  const time = fc.date({ min: new Date(), max: new Date('2100-01-01'), noInvalidDate: true });
  const text = fc.string({ unit: 'grapheme', maxLength: 30 });
  const attempt: fc.Arbitrary<eventsV1.Attempt> = fc.record({
    keyId: text,
    proxyId: text,
    endpoint: text,
    statusCode: uint32,
    cause: text,
    providerRequestId: text,
    startedAt: time,
    durationMs: uint32,
    leaseGeneration: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  });
  const event: fc.Arbitrary<Partial<eventsV1.UsageEvent>> = fc.record({
    provider: text,
    tenantName: text,
    clientKeyId: text,
    dialect: fc.constantFrom(eventsV1.Dialect.OPENAI, eventsV1.Dialect.ANTHROPIC),
    stream: fc.boolean(),
    upstreamModel: text,
    acceptedAt: time,
    latencyMs: uint32,
    firstTokenMs: fc.option(uint32, { nil: undefined }),
    statusCode: uint32,
    success: fc.boolean(),
    finishReason: text,
    abortReason: text,
    tokens: fc.record({ input: count, output: count, cacheWrite5m: count, cacheWrite1h: count, cacheRead: count }),
    usageSource: fc.constantFrom(
      eventsV1.UsageSource.PROVIDER,
      eventsV1.UsageSource.COUNTED,
      eventsV1.UsageSource.ESTIMATED,
      eventsV1.UsageSource.NONE,
    ),
    attempts: fc.array(attempt, { maxLength: 3 }),
    clientRequestId: text,
    traceParent: text,
  });

  test('gives every field of the event back as it came, and its cost', async () => {
    const sent = fc.sample(event, 60).map((change) => makeEvent({ tenantId: 't1', ...change }));
    publish(world, sent);
    await settled(world);
    for (const original of sent) {
      const { log } = await ledger.usage.getLog({ requestId: original.requestId });
      expect(log?.event).toEqual(original);
      expect(log).toMatchObject({
        costNanoUsd: expectedCost(original.tokens ?? expect.fail()),
        priceVersion: 'ohmygpt/model-a@1',
      });
      expect(log?.chargedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    }
  });

  test('of an event without tokens has zeros, and costs nothing', async () => {
    const { tokens: _, ...rest } = makeEvent({ tenantId: 't1', usageSource: eventsV1.UsageSource.NONE });
    publish(world, [{ ...rest, tokens: undefined }]);
    await settled(world);
    const { log } = await ledger.usage.getLog({ requestId: rest.requestId });
    expect(log).toMatchObject({ costNanoUsd: 0n, event: { tokens: { input: 0n, output: 0n } } });
  });

  test('of a request that is not in the books is not found', async () => {
    await expect(ledger.usage.getLog({ requestId: randomUUIDv7() })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('has the fields that readers of the older system know', async () => {
    const sent = makeEvent({
      tenantId: 't1',
      tokens: { input: 1n, output: 1_048n, cacheWrite5m: 1_558n, cacheWrite1h: 0n, cacheRead: 62_745n },
    });
    publish(world, [sent]);
    await settled(world);
    expect(await world.db.collection<{ _id: string }>('request_logs').findOne({ _id: sent.requestId })).toMatchObject({
      userId: 'Tenant t1',
      userKeyId: 'key-1',
      factoryKeyId: 'upstream-key',
      model: 'model-a',
      inputTokens: 1,
      outputTokens: 1_048,
      cacheWriteTokens: 1_558,
      cacheHitTokens: 62_745,
      tokensUsed: 1_049,
      creditsCost: 0.046_657_475,
      costNanoUsd: 46_657_475n,
      statusCode: 200,
      latencyMs: 1_234,
      isSuccess: true,
      createdAt: sent.acceptedAt,
    });
  });
});

describe('a list of logs', () => {
  test.each([0, 1, 7, 50, 100])('in pages of %d is complete, newest first, each log once', async (pageSize) => {
    const tenantId = 't2';
    const clientKeyId = `pages-of-${pageSize}`;
    const begin = Date.now() - 60_000;
    // several at the same millisecond, also across the edges of pages
    const sent = Array.from({ length: 100 }, (_, at) =>
      makeEvent({ tenantId, clientKeyId, acceptedAt: new Date(begin + Math.floor(at / 9)) }),
    );
    publish(world, sent);
    await settled(world);
    const expected = sent
      .toSorted((a, b) => Number(b.acceptedAt) - Number(a.acceptedAt) || (a.requestId < b.requestId ? 1 : -1))
      .map(({ requestId }) => requestId);
    expect(await idsOf({ clientKeyId }, pageSize)).toEqual(expected);
  });

  test('is not disturbed by what comes in between the pages', async () => {
    const clientKeyId = 'disturbed';
    const sent = Array.from({ length: 40 }, () => makeEvent({ tenantId: 't2', clientKeyId }));
    publish(world, sent);
    await settled(world);
    const ids = await idsOf({ clientKeyId }, 10, async () => {
      publish(world, [makeEvent({ tenantId: 't2', clientKeyId, acceptedAt: new Date(Date.now() + 60_000) })]);
      await settled(world);
    });
    expect(new Set(ids)).toEqual(new Set(sent.map(({ requestId }) => requestId)));
    expect(ids).toHaveLength(40);
  });

  test('is only of the tenant, the key and the site that are asked for', async () => {
    const sent = ['t1', 't3'].flatMap((tenantId) =>
      ['key-x', 'key-y'].map((clientKeyId) => makeEvent({ tenantId, clientKeyId })),
    );
    publish(world, sent);
    await settled(world);
    const idsBy = (has: (event: eventsV1.UsageEvent) => boolean) =>
      new Set(sent.filter(has).map(({ requestId }) => requestId));
    expect(new Set(await idsOf({ tenantId: 't3' }, 0))).toEqual(idsBy(({ tenantId }) => tenantId === 't3'));
    expect(new Set(await idsOf({ clientKeyId: 'key-x' }, 0))).toEqual(
      idsBy(({ clientKeyId }) => clientKeyId === 'key-x'),
    );
    expect(new Set(await idsOf({ tenantId: 't1', clientKeyId: 'key-y' }, 0))).toEqual(
      idsBy(({ tenantId, clientKeyId }) => tenantId === 't1' && clientKeyId === 'key-y'),
    );
    expect(await idsOf({ site: 'openhands' }, 0)).toEqual([]);
    expect(await idsOf({ tenantId: '' }, 0)).toEqual([]);
  });

  test.each(['x', '12~', '~a', '99999999999999999~a', '{"$gt":""}'])(
    'with the page token %j is refused',
    async (pageToken) => {
      await expect(ledger.usage.listLogs({ pageSize: 1, pageToken, filter: undefined })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    },
  );

  test('never gives more than a thousand at once', async () => {
    const clientKeyId = 'many';
    publish(
      world,
      Array.from({ length: 1_010 }, () => makeEvent({ tenantId: 't2', clientKeyId })),
    );
    await settled(world);
    const { logs } = await ledger.usage.listLogs({ pageSize: 5_000, pageToken: '', clientKeyId, filter: undefined });
    expect(logs).toHaveLength(1_000);
    expect(await idsOf({ clientKeyId }, 5_000).catch(() => [])).toHaveLength(1_010);
  });
});
