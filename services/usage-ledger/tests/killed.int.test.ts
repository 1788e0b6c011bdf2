import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { expectCharged, makeEvent, makeWorld, publish, settled } from './ledger.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

test('a ledger that is killed in the middle of it loses nothing and charges nothing twice', async () => {
  await using world = await makeWorld();
  const some = Array.from({ length: 2_000 }, (_, at) => makeEvent({ tenantId: `t${1 + (at % 3)}` }));
  for (let round = 0; round < 2; round += 1) {
    const child = spawn(process.execPath, [MAIN], { env: { ...process.env, ...world.environment }, stdio: 'ignore' });
    publish(world, some.slice(round * 1_000, round * 1_000 + 1_000));
    await vi.waitFor(
      async () => {
        expect(await world.db.collection('request_logs').countDocuments()).toBeGreaterThan(round * 1_000);
      },
      { timeout: 12_000, interval: 5 },
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await world.start();
  // what a killed process had begun keeps its locks until mongod ends it, 5 s later
  await settled(world, 12_000);
  await expectCharged(world, some);
}, 40_000);
