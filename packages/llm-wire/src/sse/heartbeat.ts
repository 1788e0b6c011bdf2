import type { Dialect } from '../dialect.ts';

const HEARTBEATS: Readonly<Record<Dialect, Buffer>> = {
  openai: Buffer.from(': keep-alive\n\n'),
  anthropic: Buffer.from('event: ping\ndata: {"type": "ping"}\n\n'),
};

/** What keeps a silent stream open. Only at an event boundary, and only in a stream that has begun. */
export function heartbeat(dialect: Dialect): Buffer {
  return HEARTBEATS[dialect];
}
