import { createServer } from 'node:net';
import { once } from 'node:events';
import type { PlannedPort, StackPlan } from './plan-stack.ts';
import { LOOPBACK } from './stack-addresses.ts';

/** Below the ports that the kernel hands out to connections, for the largest of the stack's ports. */
const OFFSETS = { from: 1_000, to: 22_000 };
/** Test files that run at the same time look in different parts: between a look and a start nothing is reserved. */
const PARTS = 10;
const TRIES = 50;

/** The first of these ports that another program has. */
export async function findTakenPort(ports: readonly PlannedPort[]): Promise<PlannedPort | undefined> {
  for (const port of ports) if (!(await isFree(port.port))) return port;
  return undefined;
}

/** An offset with which every port of the plan is free. */
export async function pickPortOffset(planWith: (portOffset: number) => StackPlan): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const width = (OFFSETS.to - OFFSETS.from) / PARTS;
    const portOffset = Math.floor(OFFSETS.from + width * ((process.pid % PARTS) + Math.random()));
    const ports = planWith(portOffset).processes.flatMap((process) => process.ports);
    if ((await findTakenPort(ports)) === undefined) return portOffset;
  }
  throw new Error(`No ${TRIES} random port offsets were free for a stack.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ host: LOOPBACK, port, exclusive: true });
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
