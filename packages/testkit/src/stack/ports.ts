import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { isFreePort } from '@omg/embedded';
import type { PlannedPort, StackPlan } from './plan-stack.ts';
import { LOOPBACK } from './stack-addresses.ts';

/** The first port of a stack's block without an offset. No stack listens on it: whoever does has the block. */
const FIRST_PORT = 7_000;
/** From it to the last port of a stack of ten replicas each. */
const BLOCK_WIDTH = 2_100;
/** The first block is that of scripts/up, and the last ends below the ports that the kernel hands out to connections. */
const BLOCKS = 11;

/** An offset that no other stack takes until it is released, or its process has ended. */
export interface PortReservation extends Disposable {
  readonly portOffset: number;
}

/** The first of these ports that another program has. */
export async function findTakenPort(ports: readonly PlannedPort[]): Promise<PlannedPort | undefined> {
  for (const port of ports) if (!(await isFreePort(LOOPBACK, port.port))) return port;
  return undefined;
}

/** Reserves a block of ports in which every port of the plan is free. */
export async function reservePorts(planWith: (portOffset: number) => StackPlan): Promise<PortReservation> {
  const first = Math.floor(Math.random() * BLOCKS);
  for (let nth = 0; nth < BLOCKS; nth += 1) {
    const portOffset = BLOCK_WIDTH * (1 + ((first + nth) % BLOCKS));
    const ports = portsWithin(planWith(portOffset), FIRST_PORT + portOffset);
    const holder = await holdPort(FIRST_PORT + portOffset);
    if (holder === undefined) continue;
    if ((await findTakenPort(ports)) === undefined) return { portOffset, [Symbol.dispose]: () => void holder.close() };
    holder.close();
  }
  throw new Error(`All ${BLOCKS} blocks of ports that stacks may have are taken: too many run at the same time.`);
}

function portsWithin(plan: StackPlan, start: number): readonly PlannedPort[] {
  const ports = plan.processes.flatMap((process) => process.ports);
  const outside = ports.find(({ port }) => port <= start || port >= start + BLOCK_WIDTH);
  if (outside === undefined) return ports;
  throw new Error(`Port ${outside.port} (${outside.what}) is not in the stack's block: it has too many replicas.`);
}

/** Listens until it is closed; undefined where another process does. */
async function holdPort(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: LOOPBACK, port, exclusive: true });
    await once(server, 'listening');
    return server.unref();
  } catch {
    return undefined;
  }
}
