import { randomUUIDv7 } from 'node:crypto';
import { connectMongo, type Mongo } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSeries } from '../src/app/questions/series.ts';
import { makeSummarise } from '../src/app/questions/summarise.ts';
import { keepRollups } from '../src/app/rollups-keep.ts';
import { makeProjectRollups } from '../src/app/rollups-project.ts';
import type { PriceVersion } from '../src/domain/price-book.ts';
import { CUBES, DIMENSIONS, type Dimension } from '../src/domain/rollup-cube.ts';
import type { ChargedRequest } from '../src/domain/usage-record.ts';
import { MongoRequestLogs } from '../src/store/mongo-request-logs.ts';
import { MongoRollups } from '../src/store/mongo-rollups.ts';
import { toRequestLogDocument, type RequestLogDocument } from '../src/store/request-log-document.ts';

const PARTITIONS = 3;
const rates = { input: 3n, output: 15n, cacheWrite5m: 4n, cacheWrite1h: 6n, cacheRead: 1n };
const PRICES: readonly PriceVersion[] = ['m1', 'm2'].map((model) => ({
  version: `${model}@1`,
  site: 'site',
  model,
  validFrom: new Date(0),
  price: {
    rates: { ...rates, input: 1_000_000n, output: 2_000_000n },
    tiers: [],
    multiplierNano: 1_050_000_000n,
  },
}));

let mongo: Mongo;
beforeAll(async () => {
  mongo = await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('rollups'), appName: 'test' });
});
afterAll(async () => {
  await mongo.db.dropDatabase();
  await mongo[Symbol.asyncDispose]();
});

const oneOf = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const DAY_MS = 86_400_000;
const clock = { now: () => new Date() };
const FROM_MS = Date.UTC(2026, 2, 20, 5, 45);
const TO_MS = Date.UTC(2026, 4, 3, 20, 15);

const request: fc.Arbitrary<ChargedRequest> = fc
  .record({
    partition: fc.nat({ max: PARTITIONS - 1 }),
    site: oneOf('s1', 's2'),
    provider: oneOf('p1', 'p2'),
    model: oneOf('m1', 'm2'),
    tenantId: oneOf('t1', 't2', 'a/b|%'),
    clientKeyId: oneOf('k1', 'k2'),
    upstreamKeyId: oneOf('', 'u1', 'u2'),
    acceptedAt: fc.date({
      min: new Date(FROM_MS - 40 * DAY_MS),
      max: new Date(TO_MS + 40 * DAY_MS),
      noInvalidDate: true,
    }),
    latencyMs: fc.nat({ max: 2 ** 32 - 1 }),
    firstTokenMs: fc.option(fc.nat({ max: 100_000 }), { nil: undefined }),
    success: fc.boolean(),
    cause: oneOf('', 'rate_limited', '$weird.name'),
    abortReason: oneOf('', '', 'client_gone'),
    input: fc.bigInt({ min: 0n, max: 10n ** 12n }),
    output: fc.bigInt({ min: 0n, max: 10n ** 6n }),
    cacheWrite5m: fc.bigInt({ min: 0n, max: 10n }),
    cost: fc.bigInt({ min: 0n, max: 10n ** 15n }),
  })
  .map((made) => {
    const { partition, site, provider, model, tenantId, clientKeyId, acceptedAt, latencyMs, firstTokenMs } = made;
    const requestId = randomUUIDv7();
    const attempt = {
      keyId: made.upstreamKeyId,
      proxyId: '',
      endpoint: 'primary',
      statusCode: 200,
      cause: made.cause,
      providerRequestId: '',
      startedAt: acceptedAt,
      durationMs: 1,
      leaseGeneration: 1n,
    };
    return {
      record: {
        requestId,
        epoch: 'e',
        partition,
        number: 1n,
        site,
        provider,
        tenantId,
        tenantName: tenantId,
        clientKeyId,
        dialect: 'openai' as const,
        stream: true,
        model,
        upstreamModel: model,
        acceptedAt,
        latencyMs,
        firstTokenMs,
        statusCode: 200,
        success: made.success,
        finishReason: '',
        abortReason: made.abortReason,
        tokens: {
          input: made.input,
          output: made.output,
          cacheWrite5m: made.cacheWrite5m,
          cacheWrite1h: 0n,
          cacheRead: 5n,
        },
        usageSource: 'provider' as const,
        attempts: made.upstreamKeyId === '' ? [] : [attempt],
        clientRequestId: '',
        traceParent: '',
        namedPrice: '',
        allowance: undefined,
      },
      costNanoUsd: made.cost,
      creditType: 'credits' as const,
      priceVersion: `${model}@1`,
      entryId: requestId,
      chargedAt: new Date(),
    };
  });

/** As charging does: the fence of the partition first, then the logs, in one transaction. */
async function charge(list: readonly ChargedRequest[]): Promise<void> {
  for (const [partition, requests] of Map.groupBy(list, ({ record }) => record.partition)) {
    await mongo.transaction(async (session) => {
      await mongo.db
        .collection<{ _id: number }>('partitions')
        .updateOne({ _id: partition }, { $inc: { seq: 1n } }, { session, upsert: true });
      await mongo.db
        .collection<RequestLogDocument>('request_logs')
        .insertMany(requests.map(toRequestLogDocument), { session });
    });
  }
}

async function emptied(): Promise<MongoRollups> {
  const store = new MongoRollups(mongo);
  await new MongoRequestLogs(mongo).createIndexes({ retentionMs: 20_000 * DAY_MS });
  await store.createIndexes();
  for (const name of ['request_logs', 'rollups', 'rollup_timings', 'rollup_state', 'partitions'])
    await mongo.db.collection(name).deleteMany({});
  await store.createIndexes();
  return store;
}

const projection = (store: MongoRollups, batchLogs: number) =>
  makeProjectRollups({
    store,
    prices: { all: async () => await Promise.resolve(PRICES) },
    partitions: PARTITIONS,
    batchLogs,
    batchRows: 4 * batchLogs,
  });

/** Until there is nothing left; that another one was faster is no fault. */
async function projectAll(store: MongoRollups, batchLogs: number): Promise<void> {
  const project = projection(store, batchLogs);
  for (;;) {
    try {
      if ((await project()).logs === 0) return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'not_owner' });
    }
  }
}

interface Plain {
  requests: number;
  successes: number;
  failures: Record<string, number>;
  input: bigint;
  output: bigint;
  cost: bigint;
  list: bigint;
}

/** The logs grouped in the plainest way. */
function grouped(list: readonly ChargedRequest[], nameOf: (request: ChargedRequest) => string): Record<string, Plain> {
  const groups: Record<string, Plain> = {};
  for (const one of list) {
    const { record, costNanoUsd } = one;
    const group = (groups[nameOf(one)] ??= {
      requests: 0,
      successes: 0,
      failures: {},
      input: 0n,
      output: 0n,
      cost: 0n,
      list: 0n,
    });
    group.requests += 1;
    group.successes += record.success ? 1 : 0;
    if (!record.success) {
      const cause = record.attempts.at(-1)?.cause ?? '';
      const kind = record.abortReason || (cause === '$weird.name' ? 'other' : cause) || 'status_200';
      group.failures[kind] = (group.failures[kind] ?? 0) + 1;
    }
    group.input += record.tokens.input;
    group.output += record.tokens.output;
    group.cost += costNanoUsd;
    // a USD per million tokens is a nano-USD per thousandth: rates are nano-USD per million tokens
    const perMillion =
      record.tokens.input * 1_000_000n + record.tokens.output * 2_000_000n + record.tokens.cacheWrite5m * 4n + 5n;
    group.list += (perMillion * 2n + 1_000_000n) / 2_000_000n;
  }
  return groups;
}

const FIELD: Record<Dimension, (request: ChargedRequest) => string> = {
  site: ({ record }) => record.site,
  provider: ({ record }) => record.provider,
  model: ({ record }) => record.model,
  tenantId: ({ record }) => record.tenantId,
  clientKeyId: ({ record }) => record.clientKeyId,
  upstreamKeyId: ({ record }) => record.attempts.at(-1)?.keyId ?? '',
};

const valueOf = (one: ChargedRequest, dimension: string): string | undefined =>
  DIMENSIONS.flatMap((name) => (name === dimension ? FIELD[name](one) : []))[0];

const inRange = (fromMs: number, toMs: number) => (one: ChargedRequest) => {
  const time = one.record.acceptedAt.getTime();
  return time >= fromMs && time < toMs;
};

function plain({
  figures,
}: {
  figures: Awaited<ReturnType<ReturnType<typeof makeSummarise>>>['total']['figures'];
}): Plain {
  return {
    requests: figures.requests,
    successes: figures.successes,
    failures: Object.fromEntries(figures.failures),
    input: BigInt(figures.input),
    output: BigInt(figures.output),
    cost: figures.costNanoUsd,
    list: figures.listCostNanoUsd,
  };
}

async function expectRollupsAreGroupedLogs(store: MongoRollups, list: readonly ChargedRequest[]): Promise<void> {
  const summarise = makeSummarise({ rollups: store, clock });
  const here = list.filter(inRange(FROM_MS, TO_MS));
  for (const { dimensions } of CUBES) {
    const answer = await summarise({
      fromMs: FROM_MS,
      toMs: TO_MS,
      scope: {},
      groupBy: dimensions,
      limit: 10_000,
      quantiles: true,
    });
    const nameOf = (one: ChargedRequest) => dimensions.map((dimension) => FIELD[dimension](one)).join('\0');
    if (dimensions.length > 0)
      expect(Object.fromEntries(answer.groups.map((group) => [group.values.join('\0'), plain(group)]))).toEqual(
        grouped(here, nameOf),
      );
    expect(plain(answer.total)).toEqual(grouped(here, () => '')[''] ?? plain(answer.total));
    expect(answer.total.figures.requests).toBe(here.length);
  }
}

describe('the rollups are the grouped logs', () => {
  test('whatever the batches, the restarts and the other projectors are', async () => {
    const charges = fc.array(fc.array(request, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        charges,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 3 }),
        async (list, sizes) => {
          const store = await emptied();
          const charging = (async () => {
            for (const one of list) await charge(one);
          })();
          // two that race, while charging goes on; each of them begins anew several times
          const racing = [0, 1].map(async () => {
            for (const size of sizes) await projectAll(new MongoRollups(mongo), size);
          });
          await Promise.all([charging, ...racing]);
          await projectAll(store, sizes[0] ?? 1);
          await expectRollupsAreGroupedLogs(store, list.flat());
        },
      ),
      { numRuns: 15, endOnFailure: true },
    );
  }, 120_000);

  test('also where the partition lost its fence, and its numbers began again', async () => {
    const store = await emptied();
    const [before, after] = [fc.sample(request, 30), fc.sample(request, 30)];
    await charge(before);
    await projectAll(store, 1_000);
    await mongo.db.collection('partitions').deleteMany({});
    await charge(after);
    await projectAll(store, 1_000);
    await expectRollupsAreGroupedLogs(store, [...before, ...after]);
  });

  test('and an interrupted transaction leaves nothing behind', async () => {
    const store = await emptied();
    const list = fc.sample(request, 50);
    await charge(list);
    const torn = new MongoRollups(mongo);
    // the last thing that a transaction does is to write what a rule of the server forbids
    await mongo.db.command({ collMod: 'rollup_timings', validator: { never: true } });
    await expect(projection(torn, 1_000)()).rejects.toThrow('failed validation');
    expect(await mongo.db.collection('rollups').countDocuments()).toBe(0);
    await mongo.db.command({ collMod: 'rollup_timings', validator: {} });
    await projectAll(store, 1_000);
    await expectRollupsAreGroupedLogs(store, list);
  });

  test('a projection that is kept up follows by itself, beside another one', async () => {
    const store = await emptied();
    const faults: unknown[] = [];
    await using stack = new AsyncDisposableStack();
    for (const _ of [1, 2]) {
      stack.use(
        keepRollups({
          project: projection(store, 20),
          isBehind: () => false,
          onProjected: () => undefined,
          onInterrupted: (error) => faults.push(error),
        }),
      );
    }
    const list = fc.sample(request, 100);
    for (let at = 0; at < list.length; at += 10) await charge(list.slice(at, at + 10));
    await expect
      .poll(
        async () => {
          const rows = await mongo.db
            .collection<{ total: { n: number } }>('rollups')
            .find({ cube: 'all', unit: 'month' })
            .toArray();
          return rows.reduce((sum, { total }) => sum + total.n, 0);
        },
        { timeout: 15_000 },
      )
      .toBe(list.length);
    await expectRollupsAreGroupedLogs(store, list);
    expect(faults).toEqual([]);
  });
});

describe('questions', () => {
  let store: MongoRollups;
  let list: readonly ChargedRequest[];
  beforeAll(async () => {
    store = await emptied();
    list = fc.sample(request, 600);
    await charge(list);
    await projectAll(store, 1_000);
  });

  test('about any range of quarters are answered as the logs would', async () => {
    const summarise = makeSummarise({ rollups: store, clock });
    const quarter = fc
      .integer({ min: FROM_MS / 900_000 - 5_000, max: TO_MS / 900_000 + 5_000 })
      .map((n) => n * 900_000);
    await fc.assert(
      fc.asyncProperty(quarter, quarter, async (a, b) => {
        fc.pre(a !== b);
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
        const { total } = await summarise({
          fromMs,
          toMs,
          scope: { model: 'm1' },
          groupBy: [],
          limit: 0,
          quantiles: true,
        });
        const here = list.filter(inRange(fromMs, toMs)).filter(({ record }) => record.model === 'm1');
        expect(plain(total)).toEqual(grouped(here, () => '')[''] ?? plain(total));
        expect(total.figures.requests).toBe(here.length);
      }),
      { numRuns: 60 },
    );
  });

  test('have the timing of each request that is counted, also where more is projected meanwhile', async () => {
    const fresh = await emptied();
    await charge(list);
    const summarise = makeSummarise({
      rollups: {
        figures: async (wanted, take) => {
          await projectAll(fresh, 1_000);
          await fresh.figures(wanted, take);
        },
        timings: async (wanted, take) => {
          await fresh.timings(wanted, take);
        },
      },
      clock,
    });
    const { total } = await summarise({
      fromMs: FROM_MS - 60 * DAY_MS,
      toMs: TO_MS + 60 * DAY_MS,
      scope: {},
      groupBy: [],
      limit: 0,
      quantiles: true,
    });
    const timed = [...(total.timings?.latency.values() ?? [])].reduce((sum, count) => sum + count, 0);
    expect([total.figures.requests, timed]).toEqual([list.length, total.figures.successes]);
  });

  test('that end now, or later, are answered as the logs would', async () => {
    const lastMs = Math.max(...list.map(({ record }) => record.acceptedAt.getTime()));
    const summarise = makeSummarise({ rollups: store, clock: { now: () => new Date(lastMs + 1) } });
    const quarter = fc.integer({ min: FROM_MS / 900_000 - 5_000, max: Math.floor(lastMs / 900_000) });
    await fc.assert(
      fc.asyncProperty(quarter, fc.nat({ max: 400 * DAY_MS }), async (from, laterMs) => {
        const fromMs = from * 900_000;
        const { total } = await summarise({
          fromMs,
          toMs: lastMs + 1 + laterMs,
          scope: {},
          groupBy: [],
          limit: 0,
          quantiles: true,
        });
        const here = list.filter(({ record }) => record.acceptedAt.getTime() >= fromMs);
        expect(plain(total)).toEqual(grouped(here, () => '')['']);
      }),
      { numRuns: 60 },
    );
  });

  test.each<[Dimension[], Record<string, string>]>([
    [['model'], { tenantId: 'a/b|%' }],
    [['site'], { tenantId: 't2' }],
    [['tenantId'], { clientKeyId: 'k1' }],
    [['clientKeyId'], { tenantId: 't1' }],
    [['upstreamKeyId'], { provider: 'p2' }],
    [['site', 'model'], {}],
  ])('by %j of %j are answered as the logs would', async (groupBy, scope) => {
    const { groups } = await makeSummarise({ rollups: store, clock })({
      fromMs: FROM_MS,
      toMs: TO_MS,
      scope,
      groupBy,
      limit: 0,
      quantiles: true,
    });
    const here = list
      .filter(inRange(FROM_MS, TO_MS))
      .filter((one) => Object.entries(scope).every(([dimension, value]) => value === valueOf(one, dimension)));
    expect(Object.fromEntries(groups.map((group) => [group.values.join('/'), plain(group)]))).toEqual(
      grouped(here, (one) => groupBy.map((dimension) => FIELD[dimension](one)).join('/')),
    );
    const costs = groups.map(({ figures }) => figures.costNanoUsd);
    expect(costs).toEqual(costs.toSorted((a, b) => (a < b ? 1 : -1)));
  });

  test('about quantiles are within 5 % of the truth', async () => {
    const { total } = await makeSummarise({ rollups: store, clock })({
      fromMs: FROM_MS,
      toMs: TO_MS,
      scope: {},
      groupBy: [],
      limit: 0,
      quantiles: true,
    });
    const { quantile } = await import('../src/domain/histogram.ts');
    const truth = list
      .filter(inRange(FROM_MS, TO_MS))
      .filter(({ record }) => record.success)
      .map(({ record }) => record.latencyMs)
      .toSorted((a, b) => a - b);
    for (const share of [0.5, 0.95, 0.99]) {
      const told = quantile(total.timings?.latency ?? new Map<number, number>(), share) ?? NaN;
      const right = truth[Math.ceil(truth.length * share) - 1] ?? NaN;
      expect(Math.abs(told - right)).toBeLessThanOrEqual(right * 0.05 + 0.5);
    }
  });

  test.each([
    ['day', 'UTC'],
    ['day', 'America/New_York'],
    ['day', 'Asia/Kolkata'],
    ['day', 'Asia/Kathmandu'],
    ['hour', 'Europe/Berlin'],
    ['hour', 'Australia/Lord_Howe'],
  ] as const)('by %s in %s count each request in the day or hour that a clock there showed', async (step, zone) => {
    const series = await makeSeries({ rollups: store })({
      fromMs: FROM_MS,
      toMs: TO_MS,
      step,
      zone,
      scope: { tenantId: 't1' },
      groupBy: ['model'],
    });
    const points = [...series];
    const shown = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      dateStyle: 'short',
      ...(step === 'hour' ? { timeStyle: 'long' as const, hourCycle: 'h23' as const } : {}),
    });
    // hours of a repeated clock time differ by the offset that is shown with them
    const clockOf = (time: number) => shown.format(time).replace(/:\d\d:\d\d/, '');
    const [fromMs, toMs] = [points[0]?.fromMs ?? NaN, points.at(-1)?.toMs ?? NaN];
    expect([fromMs <= FROM_MS, toMs >= TO_MS]).toEqual([true, true]);
    const here = list.filter(inRange(fromMs, toMs)).filter(({ record }) => record.tenantId === 't1');
    const told = points.flatMap((point) =>
      point.groups.map(
        ({ values, figures }) => [`${clockOf(point.fromMs)} ${values.join()}`, plain({ figures })] as const,
      ),
    );
    expect(Object.fromEntries(told)).toEqual(
      grouped(here, ({ record }) => `${clockOf(record.acceptedAt.getTime())} ${record.model}`),
    );
    expect(points.reduce((sum, { total }) => sum + total.requests, 0)).toBe(here.length);
  });

  test('about what nothing is kept of are refused', async () => {
    const question = {
      fromMs: FROM_MS,
      toMs: TO_MS,
      scope: { tenantId: 't1' },
      groupBy: ['upstreamKeyId' as const],
      limit: 0,
      quantiles: true,
    };
    await expect(makeSummarise({ rollups: store, clock })(question)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

test('another retention changes the index that forgets, and a restart leaves it', async () => {
  const logs = new MongoRequestLogs(mongo);
  for (const days of [90, 90, 40]) {
    await logs.createIndexes({ retentionMs: days * DAY_MS });
    const indexes = await mongo.db.collection('request_logs').indexes();
    expect(indexes.map(({ expireAfterSeconds }) => expireAfterSeconds ?? [])).toContain(days * 86_400);
  }
});
