import { OmgError } from '@omg/errors';
import { consumeUsage, usageStreamState, type Nats } from '@omg/messaging';
import type { eventsV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';
import type { KeyUse, OwnedPoolStore, UsePosition } from '../app/pool-store.ts';
import { RecentIds } from '../app/recent-ids.ts';

export interface CountUseOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly provider: string;
  readonly store: Pick<OwnedPoolStore, 'addUse' | 'usePosition'>;
  readonly flushEveryMs: number;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const RETRY_MS = 1_000;
/** So many messages of other pools are read again at most. */
const MAX_UNSTORED = 10_000;
/** So many keys are flushed at once, even if it is not time yet. */
const MAX_KEYS = 10_000;
/** Requests of the pool that are known if they come again: resent by a router, reported again by a service. */
const REMEMBERED_REQUESTS = 100_000;
/** So many messages before the position are looked through for such requests first. */
const REMEMBERED_MESSAGES = 1_000;

/**
 * Counts what each key of a pool was used for, from the stream that the books are made of: each message once, since the
 * position is stored with the counts, and each request once, as long as it comes again soon.
 */
export async function countUse(options: CountUseOptions): Promise<void> {
  const { signal, store, onError } = options;
  let position = store.usePosition;
  while (!signal.aborted) {
    try {
      for await (const reached of counting(options, position)) position = reached;
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(RETRY_MS, signal);
  }
}

async function* counting(
  options: CountUseOptions,
  from: UsePosition | undefined,
): AsyncGenerator<UsePosition, undefined> {
  const { nats, stream, provider, flushEveryMs, signal } = options;
  const { incarnation, lastSeq } = await usageStreamState(nats, stream);
  // of another creation of the stream, or beyond what the server has: it counts from the beginning
  const known = from?.incarnation === incarnation && from.seq <= lastSeq ? from : undefined;
  const uses = new Map<string, KeyUse>();
  const seen = new RecentIds(REMEMBERED_REQUESTS);
  let lastSeqRead = known?.seq ?? 0;
  let flushedSeq = lastSeqRead;
  let nextFlushMs = performance.now() + flushEveryMs;
  const flush = async (): Promise<UsePosition> => {
    const position = { incarnation, seq: lastSeqRead };
    await addUntilDone(options, [...uses.values()], position);
    uses.clear();
    flushedSeq = lastSeqRead;
    nextFlushMs = performance.now() + flushEveryMs;
    return position;
  };
  const ended = new AbortController();
  const lists = consumeUsage({
    nats,
    stream,
    fromSeq: Math.max(1, lastSeqRead + 1 - REMEMBERED_MESSAGES),
    signal: AbortSignal.any([signal, ended.signal]),
  });
  try {
    let next = lists.next();
    next.catch(() => undefined);
    while (!signal.aborted) {
      const list = await Promise.race([next, dueIn(nextFlushMs - performance.now(), signal)]);
      if (list !== 'due') {
        if (list.done === true) return undefined;
        for (const { seq, events } of list.value) {
          const news = (events ?? []).filter((event) => event.provider === provider && seen.add(event.requestId));
          if (seq <= lastSeqRead) continue;
          for (const event of news) count(uses, event);
          lastSeqRead = seq;
        }
        next = lists.next();
        next.catch(() => undefined);
      }
      const isDue = performance.now() >= nextFlushMs || uses.size >= MAX_KEYS;
      if (isDue && (uses.size > 0 || lastSeqRead - flushedSeq >= MAX_UNSTORED)) yield await flush();
      else if (isDue) nextFlushMs = performance.now() + flushEveryMs;
    }
  } finally {
    ended.abort();
  }
  return undefined;
}

/** An answer that was lost may have been a commit: only the very same batch can be given again. */
async function addUntilDone(
  { store, onError, signal }: CountUseOptions,
  uses: readonly KeyUse[],
  position: UsePosition,
): Promise<void> {
  for (;;) {
    try {
      await store.addUse(uses, position);
      return;
    } catch (error) {
      if (signal.aborted || (error instanceof OmgError && error.code === 'not_owner')) throw error;
      onError(error);
      await pause(RETRY_MS, signal);
    }
  }
}

function count(uses: Map<string, KeyUse>, event: eventsV1.UsageEvent): void {
  for (const [index, { keyId, startedAt }] of event.attempts.entries()) {
    const before = uses.get(keyId);
    // what was delivered came from the last one
    const tokens = index === event.attempts.length - 1 ? tokensOf(event) : 0;
    uses.set(keyId, {
      keyId,
      tokens: (before?.tokens ?? 0) + tokens,
      requests: (before?.requests ?? 0) + 1,
      lastUsedAtMs: Math.max(before?.lastUsedAtMs ?? 0, startedAt?.getTime() ?? 0),
    });
  }
}

/** As `tokensUsed` of the logs: input and output. */
function tokensOf({ tokens }: eventsV1.UsageEvent): number {
  return Number((tokens?.input ?? 0n) + (tokens?.output ?? 0n));
}

async function dueIn(ms: number, signal: AbortSignal): Promise<'due'> {
  await pause(Math.max(0, ms), signal);
  return 'due';
}
