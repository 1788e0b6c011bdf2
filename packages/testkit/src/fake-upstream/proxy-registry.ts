import type { Socket } from 'node:net';

import { z } from 'zod';

/** Announcements of connections that never came; more than these are forgotten, the oldest first. */
const MAX_WAITING = 10_000;

export const announcementSchema = z.strictObject({
  /** The proxy's name. */
  name: z.string().min(1),
  /** The proxy's own end of the connection that it opened, which is the upstream's remote end. */
  address: z.string().min(1),
  port: z.int().positive(),
});

export type Announcement = z.output<typeof announcementSchema>;

/**
 * Which proxy a connection came through. A fake proxy announces each connection that it opened before it lets a
 * client's byte through, so the name is known before the first request arrives.
 */
export class ProxyRegistry {
  readonly #names = new Map<string, string>();

  announce(announcement: Announcement): void {
    this.#names.set(endOf(announcement.address, announcement.port), announcement.name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_WAITING && oldest !== undefined) this.#names.delete(oldest);
  }

  nameOf(socket: Socket): string {
    return this.#names.get(endOf(socket.remoteAddress ?? '', socket.remotePort ?? 0)) ?? 'direct';
  }

  /** Forgets the name with the connection: the same port may come back without a proxy. */
  watch(socket: Socket): void {
    const end = endOf(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    socket.once('close', () => {
      this.#names.delete(end);
    });
  }
}

function endOf(address: string, port: number): string {
  return `${address.replace(/^::ffff:/, '')}:${port}`;
}
