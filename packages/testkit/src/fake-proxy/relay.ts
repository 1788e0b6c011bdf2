import type { Socket } from 'node:net';

import type { ProxyControl } from './proxy-state.ts';
import type { TunnelBooks, TunnelEntry } from './tunnel-books.ts';

export interface RelayOptions {
  readonly client: Socket;
  readonly target: Socket;
  readonly control: ProxyControl;
  readonly books: TunnelBooks;
  readonly entry: TunnelEntry;
}

/** Passes bytes both ways with backpressure; ends, closes and resets of one side show on the other as the same. */
export function relay({ client, target, control, books, entry }: RelayOptions): void {
  pump(client, target, control, (sizeBytes) => books.passed(entry, 'bytesUp', sizeBytes));
  pump(target, client, control, (sizeBytes) => books.passed(entry, 'bytesDown', sizeBytes));
  for (const [side, other] of [
    [client, target],
    [target, client],
  ] as const) {
    side.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') other.resetAndDestroy();
    });
    side.once('close', () => {
      other.destroy();
      books.closed(entry);
    });
  }
  if (client.destroyed || target.destroyed) {
    client.destroy();
    target.destroy();
    books.closed(entry);
  }
}

function pump(from: Socket, to: Socket, control: ProxyControl, passed: (sizeBytes: number) => void): void {
  const pass = (chunk: Buffer): void => {
    if (to.destroyed || to.writableEnded) return;
    passed(chunk.length);
    if (to.write(chunk)) return void from.resume();
    from.pause();
    to.once('drain', () => from.resume());
  };
  from.on('data', (chunk: Buffer) => {
    if (control.flows) {
      pass(chunk);
      return;
    }
    from.pause();
    void control.untilFlowing().then(() => pass(chunk));
  });
  from.once('end', () => to.end());
}
