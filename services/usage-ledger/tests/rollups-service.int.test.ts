import { eventsV1, usageV1 } from '@omg/proto-gen';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { RATES, expectedCost, makeEvent, makeWorld, publish, settled, type Ledger, type World } from './ledger.ts';

let world: World;
let ledger: Ledger;
beforeAll(async () => {
  world = await makeWorld();
  ledger = await world.start();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const DAY_MS = 86_400_000;
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const DAY = { from: new Date(today - DAY_MS), to: new Date(today) };
const { MODEL, SITE, TENANT, UPSTREAM_KEY } = usageV1.Dimension;

/** Once this many are in the rollups. */
async function summaryOf(
  requests: number,
  question: Partial<usageV1.SummariseRequest>,
): Promise<usageV1.SummariseResponse> {
  const asked = { ...DAY, scope: undefined, groupBy: [], limit: 0, quantiles: true, ...question };
  return await vi.waitFor(
    async () => {
      const answer = await ledger.usage.summarise(asked);
      expect(answer.total?.requests).toBe(BigInt(requests));
      return answer;
    },
    { timeout: 15_000, interval: 100 },
  );
}

/** Without the multiplier of 1.05, rounded for itself. */
function listCost(tokens: eventsV1.Tokens): bigint {
  const rate = (usd: string): bigint => BigInt(usd.replace('.', ''));
  const cents =
    tokens.input * rate(RATES.input) +
    tokens.output * rate(RATES.output) +
    tokens.cacheWrite5m * rate(RATES.cacheWrite5m) +
    tokens.cacheWrite1h * rate(RATES.cacheWrite1h) +
    tokens.cacheRead * rate(RATES.cacheRead);
  return cents * 10n;
}

test('what was charged is in the rollups, with its cost, its list cost and its latency', async () => {
  const some = Array.from({ length: 50 }, (_, index) =>
    makeEvent({
      tenantId: index % 2 === 0 ? 't1' : 't2',
      acceptedAt: new Date(DAY.from.getTime() + index * 1_000_000),
      latencyMs: 1_000 + index,
      ...(index < 5 ? { success: false, abortReason: 'client_gone', statusCode: 499 } : {}),
    }),
  );
  publish(world, some);
  await settled(world);
  const sumOf = (cost: (tokens: eventsV1.Tokens) => bigint, list = some): bigint =>
    list.reduce((sum, { tokens }) => sum + cost(tokens ?? expect.fail()), 0n);

  const { total, groups, from, to } = await summaryOf(50, { groupBy: [TENANT] });
  expect({ from, to }).toEqual(DAY);
  expect(total).toMatchObject({
    requests: 50n,
    successes: 45n,
    failures: [{ kind: 'client_gone', count: 5n }],
    costNanoUsd: sumOf(expectedCost),
    listCostNanoUsd: sumOf(listCost),
    latency: { count: 45n, meanMs: 1_027 },
    firstToken: { count: 50n, meanMs: 321 },
  });
  const ofT1 = groups.find(({ values }) => values[0] === 't1');
  const firstOfTwo = some.filter(({ tenantId }) => tenantId === 't1');
  expect(ofT1?.sums).toMatchObject({ requests: 25n, costNanoUsd: sumOf(expectedCost, firstOfTwo) });
  for (const told of [total?.latency?.p50Ms, total?.latency?.p99Ms])
    expect(Math.abs(Number(told) - 1_027)).toBeLessThan(1_027 * 0.08);

  const parts = await Array.fromAsync(
    ledger.usage.getSeries(
      { ...DAY, step: usageV1.Step.HOUR, timeZone: 'Asia/Kolkata', scope: { site: 'ohmygpt' }, groupBy: [] },
      new AbortController().signal,
    ),
  );
  const points = parts.flatMap((part) => part.points);
  // the day of UTC begins at half past there: one hour more
  expect(points).toHaveLength(25);
  expect(points.reduce((sum, point) => sum + (point.total?.requests ?? 0n), 0n)).toBe(50n);
  expect(points[0]?.total?.requests).toBe(2n);
});

test('the same event again changes nothing in the rollups', async () => {
  const event = makeEvent({ tenantId: 't3', acceptedAt: DAY.from });
  publish(world, [event, event]);
  await settled(world);
  const scope = { tenantId: 't3' };
  await summaryOf(1, { scope });
  publish(world, [event, makeEvent({ tenantId: 't3', acceptedAt: DAY.from })]);
  await settled(world);
  const { total } = await summaryOf(2, { scope, groupBy: [MODEL] });
  expect(total?.requests).toBe(2n);
});

describe('a question that cannot be answered is refused', () => {
  test.each<[string, Partial<usageV1.SummariseRequest>]>([
    ['nothing is kept by tenantId and upstreamKeyId together', { scope: { tenantId: 't1' }, groupBy: [UPSTREAM_KEY] }],
    ['from and to are needed', { from: undefined }],
    ['the range ends before it begins', { to: new Date(0) }],
    ['the range is longer', { from: new Date(0) }],
    ['the dimension is none that is known', { groupBy: [SITE, usageV1.Dimension.UNSPECIFIED] }],
  ])('%s', async (sentence, question) => {
    await expect(
      ledger.usage.summarise({ ...DAY, scope: undefined, groupBy: [], limit: 0, quantiles: true, ...question }),
    ).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining(sentence) as unknown });
  });
});

test('a tail gives what is charged from then on, each request once, whatever the size of its pages', async () => {
  const tail = async (pageToken: string) =>
    await ledger.usage.tailLogs({
      pageSize: 3,
      pageToken,
      tenantId: 't1',
      filter: { success: true, from: undefined, to: undefined },
    });
  const first = await tail('');
  expect(first.logs).toEqual([]);
  // accepted long ago, and charged now
  const some = Array.from({ length: 20 }, () =>
    makeEvent({ tenantId: 't1', acceptedAt: new Date(Date.now() - 3_600_000) }),
  );
  const ids: string[] = [];
  let pageToken = first.nextPageToken;
  publish(world, [...some.slice(0, 10), makeEvent({ tenantId: 't1', success: false }), makeEvent({ tenantId: 't2' })]);
  publish(world, some.slice(10));
  await vi.waitFor(
    async () => {
      const page = await tail(pageToken);
      ids.push(...page.logs.map(({ event }) => event?.requestId ?? ''));
      ({ nextPageToken: pageToken } = page);
      expect(ids.length).toBeGreaterThanOrEqual(20);
    },
    { timeout: 15_000, interval: 20 },
  );
  expect(ids).toEqual(some.map(({ requestId }) => requestId));
  expect((await tail(pageToken)).logs).toEqual([]);
  await expect(tail('1~2')).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a list is only of what its filter says', async () => {
  const acceptedAt = new Date(Date.now() - 3 * DAY_MS);
  const attempt = makeEvent().attempts[0] ?? expect.fail();
  const wanted = makeEvent({
    tenantId: 't2',
    acceptedAt,
    statusCode: 499,
    success: false,
    usageSource: eventsV1.UsageSource.COUNTED,
    attempts: [
      { ...attempt, keyId: 'first' },
      { ...attempt, keyId: 'last' },
    ],
  });
  publish(world, [wanted, makeEvent({ tenantId: 't2', acceptedAt })]);
  await settled(world);
  const range = { from: acceptedAt, to: new Date(acceptedAt.getTime() + 1) };
  const idsOf = async (filter: Partial<usageV1.LogFilter>) => {
    const { logs } = await ledger.usage.listLogs({ pageSize: 0, pageToken: '', filter: { ...range, ...filter } });
    return logs.map(({ event }) => event?.requestId);
  };
  expect(await idsOf({})).toHaveLength(2);
  for (const filter of [
    { statusCode: 499 },
    { success: false },
    { usageSource: eventsV1.UsageSource.COUNTED },
    { upstreamKeyId: 'last' },
    { provider: 'ohmygpt', model: 'model-a', success: false },
  ])
    expect(await idsOf(filter)).toEqual([wanted.requestId]);
  expect(await idsOf({ upstreamKeyId: 'first' })).toEqual([]);
  expect(await idsOf({ to: acceptedAt })).toEqual([]);
});

test('a retention below the guard horizon is refused at the start', () => {
  expect(() => loadConfig({ ...world.environment, LOG_RETENTION: '34d' })).toThrow('LOG_RETENTION must be 35d or more');
  expect(loadConfig({ ...world.environment, LOG_RETENTION: '35d' }).logRetentionMs).toBe(35 * 86_400_000);
});
