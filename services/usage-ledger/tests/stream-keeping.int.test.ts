import { jetstreamManager } from '@nats-io/jetstream';
import { createUsagePublisher, ensureUsageStream, partitionOf } from '@omg/messaging';
import { eventsV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { expectCharged, makeEvent, makeWorld, publish, settled, type World } from './ledger.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const events = (count: number) => Array.from({ length: count }, (_, at) => makeEvent({ tenantId: `t${1 + (at % 3)}` }));

async function messagesIn({ nats, stream }: World): Promise<number> {
  const { streams } = await jetstreamManager(nats.connection);
  return (await streams.info(stream)).state.messages;
}

async function metric(opsUrl: string, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const [, value] = new RegExp(`^${name}(?:{[^}]*})? (\\S+)`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

test('what is charged and old is removed, and what is not charged stays however old it is', async () => {
  const some = events(60);
  // t1 has a partition that nothing is charged of, since its first event asks for a newer ledger
  const stopped = [
    makeEvent({ tenantId: 't1', minReaderVersion: 99 }),
    ...events(9).filter(({ tenantId }) => tenantId === 't1'),
  ];
  expect(new Set(['t1', 't2', 't3'].map(partitionOf)).size).toBe(3);
  publish(world, [...stopped, ...some.filter(({ tenantId }) => tenantId !== 't1')]);
  await world.start({ environment: { USAGE_STREAM_KEEP: '1s' } });
  await vi.waitFor(
    async () => {
      expect(await world.db.collection('request_logs').countDocuments()).toBe(40);
      expect(await messagesIn(world)).toBe(1);
    },
    { timeout: 10_000 },
  );
  const { streams } = await jetstreamManager(world.nats.connection);
  const { state } = await streams.info(world.stream, { subjects_filter: '>' });
  expect(Object.keys(state.subjects ?? {})).toEqual([`${world.stream.toLowerCase()}.${partitionOf('t1')}`]);
});

test('what is charged stays for as long as it is to be kept', async () => {
  await world.start({ environment: { USAGE_STREAM_KEEP: '3s' } });
  const some = events(30);
  const sentMs = performance.now();
  publish(world, some);
  await settled(world);
  await expectCharged(world, some);
  await vi.waitFor(
    async () => {
      expect(await messagesIn(world)).toBe(0);
    },
    { timeout: 15_000, interval: 20 },
  );
  expect(performance.now() - sentMs).toBeGreaterThan(3_000);
});

test('a full stream refuses events, which their publisher keeps, and goes on when charged ones are removed', async () => {
  const { stream, nats } = world;
  const maxBytes = 1024 * 1024;
  await ensureUsageStream(nats, { stream, maxBytes });
  const refused: unknown[] = [];
  await using publisher = createUsagePublisher({
    nats,
    stream,
    lingerMs: 0,
    onRetry: (error) => void refused.push(error),
  });
  // each takes about 20 KB
  const large = Array.from({ length: 120 }, () => makeEvent({ tenantId: 't1', clientRequestId: 'x'.repeat(20_000) }));
  const send = (event: eventsV1.UsageEvent): void => {
    publisher.publish(partitionOf(event.tenantId), eventsV1.UsageEvent.encode(event).finish());
  };
  for (const event of large) send(event);
  await vi.waitFor(
    () => {
      expect(String(refused.at(-1))).toContain('maximum bytes exceeded');
    },
    { timeout: 10_000 },
  );
  const waiting = publisher.pending;
  expect(waiting).toBeGreaterThan(0);
  const ledger = await world.start({
    environment: { USAGE_STREAM_MAX_BYTES: String(maxBytes), USAGE_STREAM_KEEP: '1s' },
  });
  await vi.waitFor(
    () => {
      expect(publisher.pending).toBe(0);
    },
    { timeout: 15_000 },
  );
  await vi.waitFor(
    async () => {
      await expectCharged(world, large);
    },
    { timeout: 10_000 },
  );
  await vi.waitFor(
    async () => {
      expect(await metric(ledger.opsUrl, 'omg_ledger_stream_fill_ratio')).toBeLessThan(0.5);
      expect(await metric(ledger.opsUrl, 'omg_ledger_purged_messages_total')).toBeGreaterThan(0);
    },
    { timeout: 10_000 },
  );
});

test('how far charging is behind, and what has no price, can be read from the metrics', async () => {
  const ledger = await world.start();
  publish(world, [...events(20), makeEvent({ tenantId: 't1', model: 'model-z' })]);
  await settled(world);
  await vi.waitFor(async () => {
    expect(await metric(ledger.opsUrl, 'omg_ledger_charged_requests_total')).toBe(20);
    expect(await metric(ledger.opsUrl, 'omg_ledger_dead_letters_total')).toBe(1);
    expect(await metric(ledger.opsUrl, 'omg_ledger_unpriced_events_total')).toBe(1);
    expect(await metric(ledger.opsUrl, 'omg_ledger_lag_messages')).toBe(0);
    expect(await metric(ledger.opsUrl, 'omg_ledger_lag_seconds')).toBeLessThan(20);
    expect(await metric(ledger.opsUrl, 'omg_ledger_stopped_partitions')).toBe(0);
  });
});
