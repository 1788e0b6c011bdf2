import { bindService, restrictService, type BoundService, type HasGrant } from '@omg/grpc';
import { auditV1 as v1, eventsV1 } from '@omg/proto-gen';
import type { Page, PageRequest } from '../app/admin/page.ts';
import type { LetterQuery, StoredLetter } from '../app/dead-letters/dead-letter-ports.ts';
import type { ReplayedLetter } from '../app/dead-letters/replay-dead-letters.ts';

export interface DeadLetterUseCases {
  readonly list: (input: LetterQuery & PageRequest) => Promise<Page<StoredLetter>>;
  readonly get: (id: string) => Promise<StoredLetter>;
  readonly replay: (ids: readonly string[], signal: AbortSignal) => Promise<readonly ReplayedLetter[]>;
  readonly onReplayed: (caller: string, letters: readonly ReplayedLetter[]) => void;
}

const OUTCOME: Record<ReplayedLetter['outcome'], v1.ReplayOutcome> = {
  charged: v1.ReplayOutcome.CHARGED,
  charged_before: v1.ReplayOutcome.CHARGED_BEFORE,
  refused: v1.ReplayOutcome.REFUSED,
  pending: v1.ReplayOutcome.PENDING,
  not_found: v1.ReplayOutcome.NOT_FOUND,
};

export function deadLettersService(
  { list, get, replay, onReplayed }: DeadLetterUseCases,
  hasGrant: HasGrant,
): BoundService {
  const service = bindService(v1.DeadLettersService, {
    listDeadLetters: async ({ reason, partition, from, to, ...page }) => {
      const { items, nextPageToken } = await list({ reason, partition, from, to, ...page });
      return { letters: items.map(toLetter), nextPageToken };
    },
    getDeadLetter: async ({ id }) => ({ letter: toLetter(await get(id)) }),
    replayDeadLetters: async ({ ids }, { signal, caller }) => {
      const letters = await replay(ids, signal);
      onReplayed(caller, letters);
      return { letters: letters.map(({ outcome, ...letter }) => ({ ...letter, outcome: OUTCOME[outcome] })) };
    },
  });
  return restrictService(service, {
    may: (caller) => hasGrant(caller, 'admin'),
    refusal: (caller) => `${caller} may not see dead letters: give it "admin" in SERVICE_GRANTS of usage-ledger`,
  });
}

function toLetter({ payload, ...letter }: StoredLetter): v1.DeadLetter {
  const event = decode(payload);
  return { ...letter, sizeBytes: BigInt(payload.length), ...(event === undefined ? {} : { event }) };
}

/** As far as the bytes are an event: what is none is not shown, for nobody knows what it has. */
function decode(payload: Uint8Array): eventsV1.UsageEvent | undefined {
  try {
    const event = eventsV1.UsageEvent.decode(payload);
    return event.epoch === '' && event.requestId === '' ? undefined : event;
  } catch {
    return undefined;
  }
}
