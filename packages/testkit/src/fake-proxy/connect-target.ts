import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import type { TunnelBooks, TunnelEntry } from './tunnel-books.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const ANNOUNCE_TIMEOUT_MS = 2_000;

export interface Outgoing {
  readonly books: TunnelBooks;
  readonly name: string;
  /** Administrations of fake upstreams that are told of each connection before it is used. */
  readonly announceTo: readonly string[];
}

/** Connects to the target and makes the proxy's name known there; rejects with what the network said. */
export async function connectTarget(out: Outgoing, entry: TunnelEntry, host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  // Whoever takes the socket over listens for its close; until then an error must not end the process.
  socket.on('error', () => socket.destroy());
  const announcement = { name: out.name, address: socket.localAddress, port: socket.localPort };
  await Promise.all(out.announceTo.map(async (adminUrl) => await announce(adminUrl, announcement)));
  out.books.established(entry, socket.localPort ?? 0);
  return socket;
}

/** An upstream that does not listen cannot be told; its books will then say `direct`. */
async function announce(adminUrl: string, announcement: unknown): Promise<void> {
  await fetch(new URL('/proxies', adminUrl), {
    method: 'POST',
    body: JSON.stringify(announcement),
    signal: AbortSignal.timeout(ANNOUNCE_TIMEOUT_MS),
  }).catch(() => null);
}

export function connectFailure(error: unknown): string {
  const cause = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return `connect ${cause}`;
}

/** `host:port` with IPv6 in brackets; null when it is neither. */
export function parseTarget(text: string, defaultPort?: number): { host: string; port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return null;
  return { host, port };
}
