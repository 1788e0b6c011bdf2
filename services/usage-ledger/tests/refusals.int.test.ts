import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { publishRefusals } from '@omg/messaging';
import { eventsV1, refusalEventsV1, type usageV1 } from '@omg/proto-gen';
import { expect, test, vi } from 'vitest';
import { makeWorld, type Ledger, type World } from './ledger.ts';

// not so old that the server forgets it
const MINUTE = new Date(Math.floor(Date.now() / 60_000 - 60) * 60_000);
const NEXT_MINUTE = new Date(MINUTE.getTime() + 60_000);

const streamOf = ({ stream }: World): string => `${stream}_REFUSALS`;

function count(change: Partial<refusalEventsV1.RefusalCount> = {}): refusalEventsV1.RefusalCount {
  return {
    minute: MINUTE,
    tenantId: 'demo',
    clientKeyId: 'demo-key',
    dialect: eventsV1.Dialect.OPENAI,
    kind: 'rate_limited',
    statusCode: 429,
    count: 1n,
    merged: false,
    ...change,
  };
}

function batch(
  number: bigint,
  counts: readonly refusalEventsV1.RefusalCount[],
  epoch = 'epoch-1',
): refusalEventsV1.RefusalBatch {
  return { minReaderVersion: 1, epoch, number, site: 'ohmygpt', counts };
}

/** As a router does; the stream is there as soon as somebody owns the counts. */
async function publish(world: World, ...batches: readonly refusalEventsV1.RefusalBatch[]): Promise<void> {
  for (const each of batches) {
    await vi.waitFor(
      async () => {
        await publishRefusals({ nats: world.nats, stream: streamOf(world), batch: each, timeoutMs: 1_000 });
      },
      { timeout: 8_000, interval: 50 },
    );
  }
}

/** Beside JetStream's own memory of what it has, which a server may have lost. */
async function publishAgain(world: World, payload: Uint8Array): Promise<void> {
  await jetstream(world.nats.connection).publish(streamOf(world).toLowerCase(), payload);
}

/** As questions see them, which are answered from what a majority has. */
const fencesOf = ({ db }: World) => db.collection<{ _id: string }>('fences', { readConcern: { level: 'majority' } });

const encoded = (of: refusalEventsV1.RefusalBatch): Uint8Array => refusalEventsV1.RefusalBatch.encode(of).finish();

/** The stream is counted to its end. */
async function counted(world: World): Promise<void> {
  const manager = await jetstreamManager(world.nats.connection);
  await vi.waitFor(
    async () => {
      const { state, config } = await manager.streams.info(streamOf(world));
      const fence = await fencesOf(world).findOne({ _id: 'refusals' });
      expect(fence).toMatchObject({
        position: { seq: state.last_seq, incarnation: config.metadata?.['omg_incarnation'] },
      });
    },
    { timeout: 8_000, interval: 20 },
  );
}

async function list(
  ledger: Ledger,
  change: Partial<usageV1.ListRefusalsRequest> = {},
): Promise<readonly usageV1.RefusedRequests[]> {
  const request = { pageSize: 100, pageToken: '', from: undefined, to: undefined, summed: false, ...change };
  return (await ledger.usage.listRefusals(request)).refusals;
}

const sumOf = (rows: readonly usageV1.RefusedRequests[]): bigint => rows.reduce((sum, row) => sum + row.count, 0n);

test('counts of several batches and routers are added up by account, cause and minute', async () => {
  await using world = await makeWorld();
  const ledger = await world.start();
  const nobody = { tenantId: '', clientKeyId: '', kind: 'invalid_key', statusCode: 401 };
  await publish(
    world,
    batch(1n, [count({ count: 3n }), count({ ...nobody, count: 1_000n })]),
    batch(2n, [count({ count: 4n }), count({ minute: NEXT_MINUTE })]),
    batch(1n, [count({ count: 5n }), count({ ...nobody, merged: true })], 'epoch-2'),
  );
  await counted(world);
  expect(await list(ledger)).toEqual([
    {
      firstMinute: NEXT_MINUTE,
      lastMinute: NEXT_MINUTE,
      tenantId: 'demo',
      clientKeyId: 'demo-key',
      site: 'ohmygpt',
      dialect: eventsV1.Dialect.OPENAI,
      kind: 'rate_limited',
      statusCode: 429,
      count: 1n,
      merged: false,
    },
    expect.objectContaining({ ...nobody, count: 1n, merged: true }),
    expect.objectContaining({ ...nobody, count: 1_000n, merged: false }),
    expect.objectContaining({ firstMinute: MINUTE, tenantId: 'demo', count: 12n }),
  ]);
});

test('a batch that comes again is counted once, also where the whole stream is read again', async () => {
  await using world = await makeWorld();
  await using ledger = await world.start();
  const [first, second] = [batch(1n, [count({ count: 3n })]), batch(2n, [count({ count: 4n })])];
  await publish(world, first, second);
  await publishAgain(world, encoded(first));
  await publishAgain(world, encoded(second));
  await publish(world, batch(3n, [count({ count: 10n })]));
  await counted(world);
  expect(sumOf(await list(ledger))).toBe(17n);

  // a server that lost its stream, which is made anew; the router's last batch comes again
  const manager = await jetstreamManager(world.nats.connection);
  await manager.streams.delete(streamOf(world));
  await publish(world, batch(3n, [count({ count: 10n })]), batch(4n, [count({ count: 100n })]));
  await counted(world);
  expect(sumOf(await list(ledger))).toBe(117n);

  // the position is lost: everything that the stream has is read again
  await ledger[Symbol.asyncDispose]();
  await fencesOf(world).updateOne({ _id: 'refusals' }, { $unset: { position: 1 } });
  const next = await world.start();
  await counted(world);
  expect(sumOf(await list(next))).toBe(117n);
});

test('a ledger that starts goes on where the last one ended, and two of them count nothing twice', async () => {
  await using world = await makeWorld();
  const batches = Array.from({ length: 40 }, (_, at) => batch(BigInt(at + 1), [count({ count: 1n })]));
  const first = await world.start();
  await publish(world, ...batches.slice(0, 10));
  await counted(world);
  await world.start();
  await publish(world, ...batches.slice(10, 30));
  await first[Symbol.asyncDispose]();
  const third = await world.start();
  await publish(world, ...batches.slice(30));
  await counted(world);
  expect(sumOf(await list(third))).toBe(40n);
});

test('messages that are no batches are left out, and counting goes on behind them', async () => {
  await using world = await makeWorld();
  const ledger = await world.start();
  await publish(world, batch(1n, [count()]));
  await publishAgain(world, Buffer.from('no batch at all'));
  await publishAgain(world, encoded(batch(0n, [count()])));
  await publish(
    world,
    batch(2n, [
      count({ minute: undefined }),
      count({ kind: '' }),
      count({ count: 0n }),
      count({ dialect: eventsV1.Dialect.UNSPECIFIED }),
      count({ count: 5n }),
    ]),
  );
  await counted(world);
  expect(sumOf(await list(ledger))).toBe(6n);
  const metrics = await (await fetch(`${ledger.opsUrl}/metrics`)).text();
  expect(metrics).toMatch(/omg_ledger_unreadable_refusals_total\S* 2\b/);
});

test('a batch of a newer meaning stops the counting, with a sentence that says why, and is not passed over', async () => {
  await using world = await makeWorld();
  const lines: string[] = [];
  const ledger = await world.start({
    environment: { LOG_LEVEL: 'warn' },
    overrides: { logDestination: { write: (line) => lines.push(line) } },
  });
  await publish(world, { ...batch(1n, [count()]), minReaderVersion: 2 }, batch(2n, [count()]));
  await vi.waitFor(
    () => {
      expect(lines.join('')).toContain('update usage-ledger');
    },
    { timeout: 8_000 },
  );
  expect(await list(ledger)).toEqual([]);
  const fence = await fencesOf(world).findOne({ _id: 'refusals' });
  expect(fence).not.toHaveProperty('position');
});

test('questions are answered by filter, page by page, and summed', async () => {
  await using world = await makeWorld();
  const ledger = await world.start();
  const minutes = Array.from({ length: 30 }, (_, at) => new Date(MINUTE.getTime() + at * 60_000));
  await publish(
    world,
    batch(
      1n,
      minutes.map((minute) => count({ minute, count: 2n })),
    ),
    batch(
      2n,
      minutes.map((minute) => count({ minute, tenantId: 't1', clientKeyId: 'k1', kind: 'bad_request' })),
    ),
  );
  await counted(world);
  const walk = async (request: Partial<usageV1.ListRefusalsRequest>): Promise<usageV1.RefusedRequests[]> => {
    const rows: usageV1.RefusedRequests[] = [];
    let pageToken = '';
    do {
      const page = await ledger.usage.listRefusals({
        pageSize: 7,
        pageToken,
        from: undefined,
        to: undefined,
        summed: false,
        ...request,
      });
      rows.push(...page.refusals);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return rows;
  };
  const all = await walk({});
  expect(all).toHaveLength(60);
  expect(new Set(all.map((row) => `${row.firstMinute?.getTime()} ${row.tenantId}`)).size).toBe(60);
  const times = all.map(({ firstMinute }) => firstMinute?.getTime() ?? 0);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(await walk({ tenantId: 'demo' })).toHaveLength(30);
  expect(await walk({ clientKeyId: 'k1' })).toHaveLength(30);
  expect(await walk({ kind: 'bad_request', site: 'ohmygpt' })).toHaveLength(30);
  expect(await walk({ site: 'openhands' })).toEqual([]);
  expect(await walk({ from: minutes[10], to: minutes[12] })).toHaveLength(4);
  expect(await walk({ summed: true, pageSize: 1, from: minutes[10] })).toMatchObject([
    { tenantId: 'demo', kind: 'rate_limited', count: 40n, firstMinute: minutes[10], lastMinute: minutes[29] },
    { tenantId: 't1', kind: 'bad_request', count: 20n, firstMinute: minutes[10], lastMinute: minutes[29] },
  ]);
  await expect(list(ledger, { pageToken: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(list(ledger, { pageToken: 'x', summed: true })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('counts are forgotten after the retention of request logs, and the stream is one that forgets its oldest', async () => {
  await using world = await makeWorld();
  await world.start({ environment: { LOG_RETENTION: '40d' } });
  const indexes = await world.db.collection('refusals').indexes();
  expect(indexes).toContainEqual(expect.objectContaining({ key: { minute: 1 }, expireAfterSeconds: 40 * 86_400 }));
  await publish(world, batch(1n, [count()]));
  const { config } = await (await jetstreamManager(world.nats.connection)).streams.info(streamOf(world));
  expect(config).toMatchObject({
    discard: 'old',
    max_bytes: 64 * 1024 * 1024,
    subjects: [streamOf(world).toLowerCase()],
  });
  expect(config.max_age).toBe(7 * 86_400 * 1e9);
});
