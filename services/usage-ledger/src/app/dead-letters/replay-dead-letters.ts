import { OmgError } from '@omg/errors';
import type { ReceivedEvent } from '../../domain/usage-record.ts';
import type { Position } from '../ports.ts';
import type { DeadLetterStore, EventStream, StoredLetter } from './dead-letter-ports.ts';

export interface ReplayDeadLettersDeps {
  readonly letters: Pick<DeadLetterStore, 'find' | 'remove' | 'position'>;
  readonly stream: EventStream;
  /** Undefined where the bytes are no event. */
  readonly readEvent: (payload: Uint8Array) => ReceivedEvent | undefined;
  /** Which of these requests are in the books. */
  readonly known: (requestIds: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How long charging may take, before the letters are said to be on their way. */
  readonly waitMs: number;
}

export interface ReplayedLetter {
  readonly id: string;
  readonly outcome: 'charged' | 'charged_before' | 'refused' | 'pending' | 'not_found';
  /** Why it is refused; else empty. */
  readonly reason: string;
}

interface Readable {
  readonly letter: StoredLetter;
  readonly requestId: string;
}

const MOST = 100;
/** Well below what a server takes as one message. */
const MAX_MESSAGE_BYTES = 512 * 1024;
const LOOK_EVERY_MS = 50;

/**
 * Sends letters through the stream again, where charging finds them as it finds every event: with their ids and numbers, so
 * that what is in the books already is not charged again. A letter is taken away when its request is in the books, and
 * never before; whoever dies in between leaves a letter that the next replay finds to be charged.
 */
export function makeReplayDeadLetters(
  deps: ReplayDeadLettersDeps,
): (ids: readonly string[], signal: AbortSignal) => Promise<readonly ReplayedLetter[]> {
  const { letters, readEvent, known } = deps;
  return async (ids, signal) => {
    if (ids.length > MOST) throw new OmgError('invalid_argument', `at most ${MOST} letters can be replayed at once`);
    const outcomes = new Map<string, Omit<ReplayedLetter, 'id'>>();
    const found = await letters.find(ids);
    const readable = found.flatMap((letter): readonly Readable[] => {
      const content = readEvent(letter.payload)?.content ?? { fault: letter.reason };
      if (!('fault' in content)) return [{ letter, requestId: content.requestId }];
      outcomes.set(letter.id, { outcome: 'refused', reason: content.fault });
      return [];
    });
    const before = await known(readable.map(({ requestId }) => requestId));
    await settle(
      readable.filter(({ requestId }) => before.has(requestId)),
      'charged_before',
    );
    const open = readable.filter(({ requestId }) => !before.has(requestId));
    const isRead = await sendAndWait(deps, open, signal);
    const after = await known(open.map(({ requestId }) => requestId));
    await settle(
      open.filter(({ requestId }) => after.has(requestId)),
      'charged',
    );
    const left = open.filter(({ requestId }) => !after.has(requestId));
    // it was refused anew, and its letter says why
    const reasons = new Map(
      (await letters.find(left.map(({ letter }) => letter.id))).map(({ id, reason }) => [id, reason]),
    );
    for (const { letter } of left)
      outcomes.set(
        letter.id,
        isRead.has(letter.partition)
          ? { outcome: 'refused', reason: reasons.get(letter.id) ?? letter.reason }
          : { outcome: 'pending', reason: '' },
      );
    return ids.map((id) => ({ id, ...(outcomes.get(id) ?? { outcome: 'not_found', reason: '' }) }));

    async function settle(charged: readonly Readable[], outcome: 'charged' | 'charged_before'): Promise<void> {
      if (charged.length > 0) await letters.remove(charged.map(({ letter }) => letter.id));
      for (const { letter } of charged) outcomes.set(letter.id, { outcome, reason: '' });
    }
  };
}

/** The partitions in which all that was sent has been read. */
async function sendAndWait(
  { letters, stream, pause, waitMs }: ReplayDeadLettersDeps,
  open: readonly Readable[],
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const sent = new Map<number, Position>();
  for (const [partition, list] of Map.groupBy(open, ({ letter }) => letter.partition))
    for (const events of inMessages(list.map(({ letter }) => letter.payload)))
      sent.set(partition, await stream.publish(partition, events));
  const untilMs = performance.now() + waitMs;
  const isRead = new Set<number>();
  for (;;) {
    for (const [partition, to] of sent) {
      const at = await letters.position(partition);
      if (at !== undefined && at.incarnation === to.incarnation && at.seq >= to.seq) isRead.add(partition);
    }
    if (isRead.size === sent.size || signal.aborted || performance.now() > untilMs) return isRead;
    await pause(LOOK_EVERY_MS, signal);
  }
}

function inMessages(payloads: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const messages: Uint8Array[][] = [];
  let sizeBytes = Infinity;
  for (const payload of payloads) {
    sizeBytes += payload.length;
    if (sizeBytes > MAX_MESSAGE_BYTES) {
      messages.push([]);
      sizeBytes = payload.length;
    }
    messages.at(-1)?.push(payload);
  }
  return messages;
}
