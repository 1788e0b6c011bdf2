import type { DuplexCall } from '@omg/grpc';
import { partitionOf } from '@omg/messaging';
import type { accountsV1 } from '@omg/proto-gen';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeEvent, makeWorld, publish, settled, type Ledger, type World } from './ledger.ts';

const PARTITION = partitionOf('t1');

let world: World;
let ledger: Ledger;
let epoch: string;
let stop: AbortController;
let run = 0;
beforeEach(async () => {
  world = await makeWorld();
  ledger = await world.start();
  run += 1;
  epoch = `committed-${run}`;
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await world[Symbol.asyncDispose]();
});

type Hold = DuplexCall<accountsV1.HoldRequest, accountsV1.HoldResponse>;

const event = (number: bigint) => makeEvent({ tenantId: 't1', epoch, number });

function hold(
  of: Ledger,
  adoptedEpochs: readonly string[] = [],
  own = epoch,
): DuplexCall<accountsV1.HoldRequest, accountsV1.HoldResponse> {
  const call = of.accounts.hold(stop.signal);
  call.send({ message: { $case: 'open', value: { epoch: own, adoptedEpochs: [...adoptedEpochs] } } });
  return call;
}

/** The numbers that are told until this one. */
async function toldUntil(call: Hold, upTo: bigint): Promise<readonly bigint[]> {
  const told: bigint[] = [];
  for await (const { message } of call.responses) {
    if (message?.$case !== 'committed') continue;
    expect(message.value).toMatchObject({ epoch, partition: PARTITION });
    told.push(message.value.upTo);
    if (message.value.upTo >= upTo) return told;
  }
  return told;
}

test('a holder is welcomed and told of its own events when they are in the books', async () => {
  const call = hold(ledger);
  publish(world, [1n, 2n, 3n].map(event));
  const told = await toldUntil(call, 3n);
  expect(told.at(-1)).toBe(3n);
  expect(await world.db.collection('request_logs').countDocuments({ epoch })).toBe(3);
});

test('only numbers below which none is missing are told, and they only rise', async () => {
  const call = hold(ledger);
  publish(world, [1n, 2n, 4n, 5n].map(event));
  expect((await toldUntil(call, 2n)).at(-1)).toBe(2n);
  await settled(world);
  publish(world, [7n, 3n].map(event));
  const told: bigint[] = [];
  const again = hold(ledger);
  told.push(...(await toldUntil(again, 5n)));
  expect(told.at(-1)).toBe(5n);
  expect(told).toEqual(told.toSorted((a, b) => Number(a - b)));
  publish(world, [event(6n)]);
  expect(await toldUntil(hold(ledger), 7n)).toContain(7n);
});

test('after a reconnect, also to another process, the holder is told what it missed', async () => {
  publish(world, [1n, 2n].map(event));
  expect(await toldUntil(hold(ledger), 2n)).toEqual([2n]);
  await ledger[Symbol.asyncDispose]();
  publish(world, [3n, 4n].map(event));
  const next = await world.start();
  expect((await toldUntil(hold(next), 4n)).at(-1)).toBe(4n);
});

test('whoever adopted an epoch is told of it', async () => {
  publish(world, [1n, 2n].map(event));
  expect(await toldUntil(hold(ledger, [epoch], 'another-epoch'), 2n)).toEqual([2n]);
});

test('a stream that begins with no hello is refused', async () => {
  const call = ledger.accounts.hold(stop.signal);
  call.send({ message: undefined });
  await expect(toldUntil(call, 1n)).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a stream whose ledger stops ends, and does not hold it up', async () => {
  const call = hold(ledger);
  const responses = call.responses[Symbol.asyncIterator]();
  expect(await responses.next()).toMatchObject({ value: { message: { $case: 'welcome' } } });
  const startedMs = performance.now();
  await ledger[Symbol.asyncDispose]();
  expect(performance.now() - startedMs).toBeLessThan(1_500);
  // a ledger that has just begun to follow changes may have told of that before
  expect(await toldUntil(call, 1n)).toEqual([]);
});
