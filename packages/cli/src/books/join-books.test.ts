import { eventsV1, type usageV1 } from '@omg/proto-gen';
import { expect, test } from 'vitest';
import { BooksJoin, type BookDifference, type JoinOptions } from './join-books.ts';
import type { ProviderRow } from './provider-row.ts';

const row = (requestId: string, change: Partial<ProviderRow> = {}): ProviderRow => ({
  requestId,
  model: 'm',
  startedAtMs: 1_000,
  input: 1_000,
  output: 2_000,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  cacheRead: 0,
  ...change,
});

const { PROVIDER, COUNTED, NONE } = eventsV1.UsageSource;

function log(
  requestId: string,
  providerIds: readonly string[],
  tokens: Partial<eventsV1.Tokens> = {},
  usageSource: eventsV1.UsageSource = PROVIDER,
): usageV1.RequestLog {
  const attempts = providerIds.map((providerRequestId) =>
    eventsV1.Attempt.fromPartial({ providerRequestId, startedAt: new Date(1_500) }),
  );
  const all = { input: 1_000n, output: 2_000n, ...tokens };
  const event = eventsV1.UsageEvent.fromPartial({ requestId, attempts, tokens: all, usageSource });
  return { event, costNanoUsd: 0n, creditType: '', priceVersion: '', chargedAt: undefined };
}

function join(rows: readonly ProviderRow[], logs: readonly usageV1.RequestLog[], change: Partial<JoinOptions> = {}) {
  const differences: BookDifference[] = [];
  const onDifference = (difference: BookDifference): void => {
    differences.push(difference);
  };
  const options = {
    rows,
    leftOut: new Set<string>(),
    fromMs: 1_000,
    toMs: 2_000,
    bound: 0.25,
    onDifference,
    ...change,
  };
  const books = new BooksJoin(options);
  for (const each of logs) books.add(each);
  const { notes, unknowable } = books.finish();
  return {
    joined: books.joined,
    notes,
    unknowable,
    told: differences.map(({ subject, what }) => `${subject}: ${what}`),
    differences,
  };
}

test('what agrees is no difference, however often it comes', () => {
  const same = log('a', ['r1']);
  expect(join([row('r1'), row('r2')], [same, same, log('b', ['r2'])])).toMatchObject({
    joined: 2,
    told: [],
    notes: [],
  });
});

test("the provider's numbers have to be equal in each bucket that the books tell of", () => {
  const other = log('a', ['r1'], { output: 2_001n, cacheRead: 5n });
  expect(join([row('r1')], [other]).told).toEqual(['request a: output', 'request a: cacheRead']);
  expect(join([row('r1', { cacheRead: undefined, output: 2_001 })], [other]).told).toEqual([]);
});

test('our own counts may differ by the bound and a hundred tokens, in the whole input and in the output', () => {
  const counted = (tokens: Partial<eventsV1.Tokens>) => [log('a', ['r1'], tokens, COUNTED)];
  expect(join([row('r1')], counted({ output: 2_600n, input: 0n, cacheRead: 650n })).told).toEqual([]);
  expect(join([row('r1')], counted({ output: 2_601n })).told).toEqual(['request a: output, counted']);
  expect(join([row('r1')], counted({ input: 649n })).told).toEqual(['request a: whole input, counted']);
  expect(join([row('r1')], counted({ output: 2_101n }), { bound: 0 }).told).toEqual(['request a: output, counted']);
});

test('a request in the books that nobody made, and an attempt that the books lack, are named', () => {
  const { told, differences } = join([row('r1')], [log('a', ['r2'])]);
  expect(told).toEqual(['request a: attempt r2', "provider's request r1 (m): attempt"]);
  expect(differences[1]?.found).toBe('none, 3,000 tokens');
  expect(join([], [log('a', ['r2'])], { toMs: 1_400 }).told).toEqual([]);
  expect(join([], [log('a', ['r2', ''])], { leftOut: new Set(['r2']) }).told).toEqual([]);
});

test('two requests with the same attempt, and two rows with the same id, are named', () => {
  expect(join([row('r1')], [log('a', ['r1']), log('b', ['r1'])]).told).toEqual(["provider's request r1 (m): request"]);
  expect(join([row('r1'), row('r1')], [log('a', ['r1'])]).told).toEqual(["provider's request r1 (m): rows"]);
});

test('what failed attempts cost us is said, and is no difference', () => {
  const { told, notes } = join(
    [row('r1', { output: 0 }), row('r2', { input: 0, output: 0 }), row('r3'), row('r4', { output: 7 })],
    [log('a', ['r1', 'r2', 'r3']), log('b', ['r4'], { input: 0n, output: 0n }, NONE)],
  );
  expect(told).toEqual([]);
  expect(notes).toEqual(['2 attempts of which the client got nothing took 2,007 tokens at the provider']);
});

test('a router that was killed before it knew the id of its attempt accounts for one row of that time and model', () => {
  const lost = (requestId: string, change: Partial<eventsV1.UsageEvent> = {}): usageV1.RequestLog => {
    const { event, ...rest } = log(requestId, [''], {}, eventsV1.UsageSource.ESTIMATED);
    const what = { abortReason: 'router_lost', upstreamModel: 'm', acceptedAt: new Date(20_000), latencyMs: 1_000 };
    return { ...rest, event: eventsV1.UsageEvent.fromPartial({ ...event, ...what, ...change }) };
  };
  const then = { startedAtMs: 20_500 };
  const rows = [
    row('r1', then),
    row('r2', then),
    row('r3', { startedAtMs: 40_000 }),
    row('r4', { ...then, model: 'n' }),
  ];
  const all = join(rows, [lost('a'), lost('a'), lost('b', { abortReason: 'client_gone' })]);
  expect(all).toMatchObject({
    joined: 0,
    unknowable: 1,
    notes: ['1 attempt of routers that were killed before they knew its id took 3,000 tokens at the provider'],
  });
  expect(all.told).toEqual([
    "provider's request r2 (m): attempt",
    "provider's request r3 (m): attempt",
    "provider's request r4 (n): attempt",
  ]);
});
