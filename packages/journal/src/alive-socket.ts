import { closeSync, existsSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { JournalError, systemCode, toJournalError } from './journal-error.ts';

export const ALIVE_SOCKET = 'alive.sock';

/** The shortest limit of all systems, with its final zero byte: 104 on macOS, 108 on Linux. */
const MAX_PATH_BYTES = 103;

/**
 * Shows that this process lives, to whoever shares the volume: containers do not see each other's processes, but they
 * reach each other's sockets, as long as they run on one node.
 */
export async function listenAlive(folder: string): Promise<AsyncDisposable> {
  const address = socketAddress(folder);
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(address.path);
    await once(server, 'listening');
  } catch (error) {
    address[Symbol.dispose]();
    throw toJournalError(error, `listen on ${join(folder, ALIVE_SOCKET)}`);
  }
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
      // Not before: closing removes the socket by its address.
      address[Symbol.dispose]();
    },
  };
}

/** False only when its process is certainly dead: the socket is gone or refuses. A stopped or busy one is alive. */
export async function isAlive(folder: string, timeoutMs = 1000): Promise<boolean> {
  let address: ReturnType<typeof socketAddress> | undefined;
  let socket: Socket | undefined;
  try {
    address = socketAddress(folder);
    socket = connect(address.path);
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return true;
  } catch (error) {
    if (error instanceof JournalError) throw error;
    const code = systemCode(error);
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  } finally {
    socket?.destroy();
    address?.[Symbol.dispose]();
  }
}

/** A path that the kernel takes: an address holds about 100 bytes, and an abstract one would not cross containers. */
function socketAddress(folder: string): Disposable & { readonly path: string } {
  const path = join(folder, ALIVE_SOCKET);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, [Symbol.dispose]() {} };
  if (!existsSync('/proc/self/fd')) {
    throw new JournalError('path_too_long', `journal: ${path} is longer than the ${MAX_PATH_BYTES} bytes of a socket`);
  }
  const fd = openSync(folder, 'r');
  return {
    path: `/proc/self/fd/${fd}/${ALIVE_SOCKET}`,
    [Symbol.dispose]() {
      closeSync(fd);
    },
  };
}
