import { once } from 'node:events';
import type { Socket } from 'node:net';

import { dismiss } from './dismiss.ts';

/** RFC 1928: the replies that a client may have to tell apart. */
export const SOCKS_REPLY = {
  ok: 0,
  failure: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  connectionRefused: 5,
  commandNotSupported: 7,
  addressNotSupported: 8,
} as const;

const VERSION = 5;
const NO_AUTH = 0;
const USER_PASSWORD = 2;
const NO_ACCEPTABLE_METHOD = 0xff;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Exactly so many bytes; rejects when the client leaves first. What came beyond them stays in the socket. */
export async function readExactly(socket: Socket, sizeBytes: number): Promise<Buffer> {
  for (;;) {
    const chunk: unknown = socket.read(sizeBytes);
    if (Buffer.isBuffer(chunk) && chunk.length === sizeBytes) return chunk;
    if (socket.readableEnded || socket.destroyed) throw new Error('the client left during the handshake');
    const waiting = new AbortController();
    const { signal } = waiting;
    try {
      await Promise.race(
        ['readable', 'end', 'close'].map(async (event) => void (await once(socket, event, { signal }))),
      );
    } finally {
      waiting.abort();
    }
  }
}

/** Agrees on a method, and takes the client's name and password if they are asked for. */
export async function negotiate(
  socket: Socket,
  accounts: readonly Credentials[],
): Promise<Credentials | 'anonymous' | 'refused'> {
  const [, count = 0] = await readExactly(socket, 2);
  const methods = await readExactly(socket, count);
  const method = accounts.length === 0 ? NO_AUTH : USER_PASSWORD;
  if (!methods.includes(method)) {
    dismiss(socket, Buffer.from([VERSION, NO_ACCEPTABLE_METHOD]));
    return 'refused';
  }
  socket.write(Buffer.from([VERSION, method]));
  if (method === NO_AUTH) return 'anonymous';
  const [, nameBytes = 0] = await readExactly(socket, 2);
  const username = (await readExactly(socket, nameBytes)).toString('utf8');
  const [passwordBytes = 0] = await readExactly(socket, 1);
  const password = passwordBytes === 0 ? '' : (await readExactly(socket, passwordBytes)).toString('utf8');
  const known = accounts.some((account) => account.username === username && account.password === password);
  if (!known) {
    dismiss(socket, Buffer.from([1, 1]));
    return 'refused';
  }
  socket.write(Buffer.from([1, 0]));
  return { username, password };
}

export interface SocksRequest {
  readonly command: number;
  /** null for an address type that does not exist. */
  readonly host: string | null;
  readonly port: number;
}

export async function readRequest(socket: Socket): Promise<SocksRequest> {
  const [, command = 0, , addressType = 0] = await readExactly(socket, 4);
  const host = await readAddress(socket, addressType);
  const port = host === null ? 0 : (await readExactly(socket, 2)).readUInt16BE();
  return { command, host, port };
}

async function readAddress(socket: Socket, addressType: number): Promise<string | null> {
  if (addressType === 1) return [...(await readExactly(socket, 4))].join('.');
  if (addressType === 3) {
    const [sizeBytes = 0] = await readExactly(socket, 1);
    return (await readExactly(socket, sizeBytes)).toString('latin1');
  }
  if (addressType !== 4) return null;
  const bytes = await readExactly(socket, 16);
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');
}

/** The reply names no bound address: no client of ours reads it. */
export function socksReply(code: number): Buffer {
  return Buffer.from([VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

export function replyToFailure(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED') return SOCKS_REPLY.connectionRefused;
  if (code === 'ENOTFOUND' || code === 'EHOSTUNREACH' || code === 'EAI_AGAIN') return SOCKS_REPLY.hostUnreachable;
  return SOCKS_REPLY.failure;
}
