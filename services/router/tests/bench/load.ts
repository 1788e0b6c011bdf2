import { pause } from '@omg/service';
import { SENT } from './exchanges.ts';
import { LeanClient } from './lean-client.ts';

/** Where a load goes, and what each of its requests is. */
export interface Target {
  readonly port: number;
  readonly request: Buffer;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  /** Answered with 200, in full. */
  readonly good: number;
  readonly bad: number;
  readonly wallMs: number;
  /** Of the good ones; of paced streams, of their events. */
  readonly tookMs: readonly number[];
}

export interface ClosedLoad {
  readonly connections: number;
  readonly forMs: number;
  /** Not less, however long it takes. */
  readonly requests?: number;
}

/** So many connections, each of which asks again when it has its answer. */
export async function closedLoad(
  { port, request, signal }: Target,
  { connections, forMs, requests = 0 }: ClosedLoad,
): Promise<LoadResult> {
  const clients = await openAll(connections, async () => await LeanClient.open(port));
  const tally = new Tally();
  const startMs = performance.now();
  let sent = 0;
  const goesOn = (): boolean => sent < requests || performance.now() - startMs < forMs;
  await Promise.all(
    clients.map(async (client) => {
      while (goesOn() && !signal.aborted && client.isOpen) {
        sent += 1;
        tally.add(await client.ask(request));
      }
    }),
  );
  return tally.result(performance.now() - startMs, clients);
}

/** So many requests per second, whether the earlier ones are answered or not. */
export async function steadyLoad(
  { port, request, signal }: Target,
  { perS, forMs }: { readonly perS: number; readonly forMs: number },
): Promise<LoadResult> {
  const clients = [...(await openAll(2, async () => await LeanClient.open(port)))];
  const idle = [...clients];
  const tally = new Tally();
  const startMs = performance.now();
  const running: Promise<void>[] = [];
  for (let sent = 0; sent < (forMs / 1_000) * perS && !signal.aborted; sent += 1) {
    const waitMs = startMs + (sent * 1_000) / perS - performance.now();
    if (waitMs > 0.5) await pause(waitMs, signal);
    running.push(
      (async () => {
        const client = idle.pop() ?? (await LeanClient.open(port));
        if (!clients.includes(client)) clients.push(client);
        tally.add(await client.ask(request));
        idle.push(client);
      })(),
    );
  }
  await Promise.all(running);
  return tally.result(performance.now() - startMs, clients);
}

/** So many streams at once, whose events say when they were sent. */
export async function pacedLoad({ port, request, signal }: Target, streams: number): Promise<LoadResult> {
  const delays: number[] = [];
  // the times of some tell what those of all would, and reading them costs
  const watched = Math.min(streams, 50);
  let opened = 0;
  const clients = await openAll(streams, async () => {
    opened += 1;
    return opened > watched ? await LeanClient.open(port) : await LeanClient.open(port, noteDelays(delays));
  });
  signal.throwIfAborted();
  const tally = new Tally();
  const startMs = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      tally.add(await client.ask(request));
    }),
  );
  return { ...tally.result(performance.now() - startMs, clients), tookMs: delays };
}

function noteDelays(delays: number[]): (chunk: Buffer) => void {
  return (chunk) => {
    const nowMs = performance.now();
    const text = chunk.toString('latin1');
    for (let at = text.indexOf(SENT); at !== -1; at = text.indexOf(SENT, at + 1))
      delays.push(nowMs - Number.parseFloat(text.slice(at + SENT.length, at + SENT.length + 20)));
  };
}

class Tally {
  #good = 0;
  #bad = 0;
  readonly #tookMs: number[] = [];

  add({
    status,
    isWhole,
    tookMs,
  }: {
    readonly status: number;
    readonly isWhole: boolean;
    readonly tookMs: number;
  }): void {
    if (status !== 200 || !isWhole) {
      this.#bad += 1;
      return;
    }
    this.#good += 1;
    this.#tookMs.push(tookMs);
  }

  result(wallMs: number, clients: readonly LeanClient[]): LoadResult {
    for (const client of clients) client[Symbol.dispose]();
    return { good: this.#good, bad: this.#bad, wallMs, tookMs: this.#tookMs };
  }
}

/** A listener's queue is short: not all at once. */
async function openAll(count: number, open: () => Promise<LeanClient>): Promise<readonly LeanClient[]> {
  const clients: LeanClient[] = [];
  while (clients.length < count)
    clients.push(...(await Promise.all(Array.from({ length: Math.min(64, count - clients.length) }, open))));
  return clients;
}
