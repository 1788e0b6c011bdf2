import { once } from 'node:events';
import type { Server } from 'node:net';

/** A burst of a thousand connections is a normal test; Node's default backlog of 511 would delay some of them by a second. */
const BACKLOG = 4096;

export interface ListenOptions {
  /** Who wants the port, for the error message: "fake upstream", "fake proxy admin". */
  readonly what: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** Starts listening and answers the port taken; a port that cannot be had is one clear sentence. */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { what, host, port } = options;
  server.listen({ host, port, backlog: BACKLOG });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`The ${what} cannot listen on ${host}:${port}: ${reasonOf(error)}.`, { cause: error });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`The ${what} listens on no TCP port.`);
  return address.port;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'the port is already taken by another program';
  if (code === 'EACCES') return 'this user may not open the port';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error instanceof Error ? error.message : String(error);
}
