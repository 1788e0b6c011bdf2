import { readFirstBytes } from './tcp.ts';

export interface NatsInfo {
  readonly version: string;
  readonly jetstream: boolean;
}

/** What a nats-server says of itself to whoever connects; undefined where none answers. */
export async function readNatsInfo(address: string, signal: AbortSignal): Promise<NatsInfo | undefined> {
  return parseNatsInfo((await readFirstBytes(address, signal)) ?? '');
}

export function parseNatsInfo(greeting: string): NatsInfo | undefined {
  const version = /^INFO .*"version":"([^"]+)"/.exec(greeting)?.[1];
  return version === undefined ? undefined : { version, jetstream: /"jetstream":true/.test(greeting) };
}
