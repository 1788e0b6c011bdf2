import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { cleanEnvironment, machineCpuMs, processCpuMs, type NodeProcess } from '@omg/bench';
import { USAGE_PARTITIONS, ensureUsageStream, publishUsage } from '@omg/messaging';
import { encodeMessage, eventsV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';
import { freshDatabaseName, freshStreamName } from '@omg/testkit';
import type { Db } from 'mongodb';
import { z } from 'zod';
import { partitionId } from '../../src/domain/partition-id.ts';
import type { BenchWorld } from './bench-world.ts';
import { faultsOf, makeAccounts } from './books.ts';
import { makeUsage, type UsageBatch } from './synthetic-usage.ts';

/** What one repetition of a row came to. */
export interface Figures {
  readonly eventsPerS: number;
  /** Of all ledgers, or of the program that is measured instead. */
  readonly cpuUsPerEvent: number;
  readonly mongodUsPerEvent: number | undefined;
  /** Parts of a core. */
  readonly ledgerBusy: number;
  readonly mongodBusy: number | undefined;
  readonly natsBusy: number | undefined;
  readonly othersBusy: number | undefined;
  /** Empty where the books are right. */
  readonly faults: readonly string[];
}

export interface MeasureOptions {
  readonly world: BenchWorld;
  readonly name: string;
  readonly accounts: number;
  readonly events: number;
}

const STREAM_MAX_BYTES = 1024 ** 3;
const LOOK_EVERY_MS = 5;
const TIMEOUT_MS = 300_000;
/** Messages on their way to the stream at a time. */
const IN_FLIGHT = 32;

/** CPU time so far. */
interface Spent {
  readonly atMs: number;
  readonly ledgersMs: number;
  readonly mongodMs: number | undefined;
  readonly natsMs: number | undefined;
  readonly machineMs: number;
}

/** Starts so many ledgers, fills their stream when they have shared its partitions out, and looks when all is committed. */
export async function measureLedgers(options: MeasureOptions & { readonly ledgers: number }): Promise<Figures> {
  const { world, name, accounts, events, ledgers } = options;
  const [database, stream] = [freshDatabaseName('bench'), freshStreamName('BENCH')];
  const db = world.client.db(database);
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await db.dropDatabase();
  });
  await makeAccounts(db, accounts);
  const { batches, costNanoUsd } = makeUsage({ accounts, count: events });
  const messages = encoded(batches);
  await ensureUsageStream(world.nats, { stream, maxBytes: STREAM_MAX_BYTES });
  const running = await Promise.all(
    Array.from({ length: ledgers }, async (_, index) =>
      stack.use(
        await world.startLedger({ name: `${name}-${index + 1}-${database}`, database, stream, isSecond: index > 0 }),
      ),
    ),
  );
  await becomes(world, `${name}: the partitions were not shared out`, async () => await areSharedOut(db, ledgers));
  const from = await spentBy(world, running);
  await fill(world, stream, messages);
  const last = lastMessages(messages);
  await becomes(world, `${name}: not all events were charged`, async () => await areCommitted(db, last));
  const to = await spentBy(world, running);
  return figuresOf({ from, to, events, faults: await faultsOf(db, { events, costNanoUsd }) });
}

async function becomes(world: BenchWorld, failure: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`${failure} within ${TIMEOUT_MS / 1_000} s`);
    await pause(LOOK_EVERY_MS, world.signal);
    world.signal.throwIfAborted();
  }
}

const BareAnswer = z.object({ wallMs: z.number(), cpuMs: z.number(), mongodMs: z.number().optional() });

/** The reads and writes alone. */
export async function measureBare({ world, accounts, events }: MeasureOptions): Promise<Figures> {
  const database = freshDatabaseName('bench');
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await world.client.db(database).dropDatabase();
  });
  const { command, env } = world.bareCommand({ database, accounts, events });
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: world.signal,
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (child.exitCode !== 0) throw new Error(`the program without a gateway ended with status ${child.exitCode}`);
  const { wallMs, cpuMs, mongodMs } = BareAnswer.parse(JSON.parse(output));
  const charged = await world.client.db(database).collection('request_logs').countDocuments();
  return {
    eventsPerS: (events / wallMs) * 1_000,
    cpuUsPerEvent: (cpuMs * 1_000) / events,
    mongodUsPerEvent: mongodMs === undefined ? undefined : (mongodMs * 1_000) / events,
    ledgerBusy: cpuMs / wallMs,
    mongodBusy: mongodMs === undefined ? undefined : mongodMs / wallMs,
    natsBusy: undefined,
    othersBusy: undefined,
    faults: charged === events ? [] : [`${charged} request logs instead of ${events}`],
  };
}

/** What goes into the stream as one message. */
interface EncodedBatch {
  readonly partition: number;
  readonly events: readonly Uint8Array[];
}

function encoded(batches: readonly UsageBatch[]): readonly EncodedBatch[] {
  return batches.map(({ partition, events }) => ({
    partition,
    events: events.map((event) => encodeMessage(eventsV1.UsageEvent, event)),
  }));
}

async function fill(world: BenchWorld, stream: string, batches: readonly EncodedBatch[]): Promise<void> {
  let waiting: Promise<unknown>[] = [];
  for (const { partition, events } of batches) {
    world.signal.throwIfAborted();
    waiting.push(publishUsage({ nats: world.nats, stream, partition, events, timeoutMs: 10_000 }));
    if (waiting.length < IN_FLIGHT) continue;
    await Promise.all(waiting);
    waiting = [];
  }
  await Promise.all(waiting);
}

/** Of each partition the place of its last message in the stream. */
function lastMessages(batches: readonly EncodedBatch[]): ReadonlyMap<number, number> {
  return new Map(batches.map(({ partition }, index) => [partition, index + 1]));
}

async function areCommitted(db: Db, last: ReadonlyMap<number, number>): Promise<boolean> {
  const fences = await db
    .collection<{ _id: string; position?: { seq: number | bigint } }>('fences')
    .find({}, { projection: { position: 1 } })
    .toArray();
  const committed = new Map(fences.map(({ _id, position }) => [_id, Number(position?.seq ?? 0)]));
  return last.entries().every(([partition, seq]) => (committed.get(partitionId(partition)) ?? 0) >= seq);
}

/** Each ledger has its part of what there is. */
async function areSharedOut(db: Db, ledgers: number): Promise<boolean> {
  const owners = db.collection<{ _id: string; holder: string }>('owners');
  const owned = await owners.find({ holder: { $ne: '' } }).toArray();
  const counts = [...Map.groupBy(owned, ({ holder }) => holder).values()].map(({ length }) => length);
  return owned.length > USAGE_PARTITIONS && counts.length === ledgers && Math.max(...counts) - Math.min(...counts) <= 1;
}

async function spentBy(world: BenchWorld, ledgers: readonly NodeProcess[]): Promise<Spent> {
  const [ledgerMs, mongodMs, natsMs] = await Promise.all([
    Promise.all(ledgers.map(async (ledger) => await ledger.cpuMs())),
    processCpuMs(world.mongo.pid),
    processCpuMs(world.natsServer.pid),
  ]);
  const ledgersMs = ledgerMs.reduce((sum, ms) => sum + ms, 0);
  return { atMs: performance.now(), ledgersMs, mongodMs, natsMs, machineMs: machineCpuMs() };
}

interface Span {
  readonly from: Spent;
  readonly to: Spent;
  readonly events: number;
  readonly faults: readonly string[];
}

function figuresOf({ from, to, events, faults }: Span): Figures {
  const wallMs = to.atMs - from.atMs;
  const ledgerMs = to.ledgersMs - from.ledgersMs;
  const [mongodMs, natsMs] = [difference(to.mongodMs, from.mongodMs), difference(to.natsMs, from.natsMs)];
  const othersMs = to.machineMs - from.machineMs - ledgerMs - (mongodMs ?? 0) - (natsMs ?? 0);
  return {
    eventsPerS: (events / wallMs) * 1_000,
    cpuUsPerEvent: (ledgerMs * 1_000) / events,
    mongodUsPerEvent: mongodMs === undefined ? undefined : (mongodMs * 1_000) / events,
    ledgerBusy: ledgerMs / wallMs,
    mongodBusy: mongodMs === undefined ? undefined : mongodMs / wallMs,
    natsBusy: natsMs === undefined ? undefined : natsMs / wallMs,
    othersBusy: Math.max(0, othersMs) / wallMs,
    faults,
  };
}

function difference(to: number | undefined, from: number | undefined): number | undefined {
  return to === undefined || from === undefined ? undefined : to - from;
}
