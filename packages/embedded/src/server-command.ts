import type { Program } from './program.ts';

/** How a server is started, for whoever supervises it. */
export interface ServerCommand {
  readonly program: Program;
  readonly args: readonly string[];
  /** What its clients connect to. */
  readonly url: string;
  /** Resolves once it serves, and does once what a new data directory needs; gives up when the signal says so. */
  readonly waitUntilReady: (signal: AbortSignal) => Promise<void>;
}

export const LOOPBACK = '127.0.0.1';

/** Where a client finds a server that listens on this address. */
export function reachableHost(listenHost: string): string {
  return listenHost === '0.0.0.0' || listenHost === '::' ? LOOPBACK : listenHost;
}
