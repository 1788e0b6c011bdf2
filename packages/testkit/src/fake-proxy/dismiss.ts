import type { Socket } from 'node:net';

/** Says a last word, or nothing, and closes when the client does: a half-open socket never closes by itself. */
export function dismiss(client: Socket, lastWord?: string | Buffer): void {
  client.once('end', () => client.destroy());
  if (client.readableEnded) client.destroy();
  client.resume();
  if (lastWord !== undefined) client.end(lastWord);
}
