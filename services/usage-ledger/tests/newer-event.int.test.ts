import { partitionOf } from '@omg/messaging';
import { expect, test, vi } from 'vitest';
import { expectCharged, makeEvent, makeWorld, publish } from './ledger.ts';

test('an event of a newer router stops its partition behind what came before it, and the log says what to do', async () => {
  await using world = await makeWorld();
  const lines: string[] = [];
  const ledger = await world.start({
    environment: { LOG_LEVEL: 'error' },
    overrides: { logDestination: { write: (line) => void lines.push(line) } },
  });
  const before = [makeEvent({ tenantId: 't1' }), makeEvent({ tenantId: 't1' })];
  const elsewhere = [makeEvent({ tenantId: 't2' })];
  expect(partitionOf('t1')).not.toBe(partitionOf('t2'));
  publish(world, before);
  await vi.waitFor(() => {
    expect(world.publisher.pending).toBe(0);
  });
  publish(world, [makeEvent({ tenantId: 't1', minReaderVersion: 2 }), makeEvent({ tenantId: 't1' }), ...elsewhere]);
  await vi.waitFor(
    async () => {
      await expectCharged(world, [...before, ...elsewhere]);
      expect(lines.join('\n')).toContain(
        'charging has stopped: an event asks for reader version 2, this usage-ledger has 1: update usage-ledger',
      );
    },
    { timeout: 8_000 },
  );
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${ledger.opsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^omg_ledger_stopped_partitions(?:{[^}]*})? 1$/m);
  });
  // it is said once, however often it is tried again
  const { term } = (await world.db.collection<{ _id: string; term: number }>('fences').findOne({
    _id: `accounts-${partitionOf('t1')}`,
  })) ?? { term: 0 };
  await vi.waitFor(
    async () => {
      const fence = await world.db
        .collection<{ _id: string; term: number }>('fences')
        .findOne({ _id: `accounts-${partitionOf('t1')}` });
      expect(fence?.term).toBeGreaterThan(term);
    },
    { timeout: 8_000 },
  );
  expect(lines.filter((line) => line.includes('charging has stopped'))).toHaveLength(1);
  await expectCharged(world, [...before, ...elsewhere]);
  expect(await world.db.collection('dead_letters').countDocuments()).toBe(0);
});
