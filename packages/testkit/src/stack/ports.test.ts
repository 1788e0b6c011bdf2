import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { PARTS } from './parts.ts';
import { planStack, type StackPlan } from './plan-stack.ts';
import { reservePorts, type PortReservation } from './ports.ts';
import { LOOPBACK } from './stack-addresses.ts';

const SECRETS = { routerToken: '', operatorToken: '', clientKey: '', encryptionKey: '' };

function planOf(replicas: number): (portOffset: number) => StackPlan {
  const counts = { routersPerSite: replicas, brokers: replicas, ledgers: replicas };
  const options = { rootDir: '/', dataDir: '/data', parts: PARTS, secrets: SECRETS, baseEnv: {}, ...counts };
  return (portOffset) => planStack({ ...options, portOffset });
}

async function reserve(planWith: (portOffset: number) => StackPlan): Promise<PortReservation> {
  const reservation = await reservePorts(planWith);
  onTestFinished(() => reservation[Symbol.dispose]());
  return reservation;
}

function portsOf({ processes }: StackPlan): readonly number[] {
  return processes.flatMap(({ ports }) => ports.map(({ port }) => port));
}

test('stacks that look for ports at the same time have none in common, however large they are', async () => {
  const large = planOf(10);
  const found = await Promise.all(Array.from({ length: 8 }, async () => await reserve(large)));
  const ports = found.flatMap(({ portOffset }) => portsOf(large(portOffset)));
  expect(new Set(ports).size).toBe(ports.length);
});

test('where another program has one of the ports, other ones are taken', async () => {
  const plan = planOf(1);
  const [first, second] = [await reserve(plan), await reserve(plan)];
  const port = portsOf(plan(first.portOffset)).at(-1);
  const other = createServer().listen(port, LOOPBACK);
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  // more often than there are blocks, so each is looked at, and found again
  for (let nth = 0; nth < 20; nth += 1) {
    using next = await reservePorts(plan);
    expect(next.portOffset).not.toBe(first.portOffset);
  }
});

test('what a block has no room for is refused', async () => {
  await expect(reservePorts(planOf(11))).rejects.toThrow('it has too many replicas');
});
