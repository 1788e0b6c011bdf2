import { MAX_BATCH_COUNTS, publishRefusals, type Nats } from '@omg/messaging';
import { eventsV1, type refusalEventsV1 } from '@omg/proto-gen';
import { pause, repeat } from '@omg/service';
import type { RefusalCounts, RefusalRow } from '../app/refusal-counts.ts';

export interface RefusalPublisherOptions {
  readonly nats: Nats;
  readonly stream: string;
  readonly counts: Pick<RefusalCounts, 'take'>;
  /** Of this run of the process. */
  readonly epoch: string;
  readonly site: string;
  /** Told of each failure to send; the counts stay and are sent again. */
  readonly onRetry: (error: unknown) => void;
  readonly everyMs?: number;
}

const TIMEOUT_MS = 1_000;
/** At the end: what cannot be sent by then is lost, and holds nobody up. */
const LAST_FLUSH_MS = 2_000;
const LAST_RETRY_MS = 100;

/** Sends the counts of refused requests every few seconds, and once more when it is disposed of. */
export function startRefusalPublisher(options: RefusalPublisherOptions): AsyncDisposable {
  const { everyMs = 3_000, onRetry } = options;
  const flush = makeFlush(options);
  const flushing = repeat(everyMs, flush, onRetry);
  return {
    async [Symbol.asyncDispose]() {
      await flushing[Symbol.asyncDispose]();
      const deadline = AbortSignal.timeout(LAST_FLUSH_MS);
      while (!deadline.aborted) {
        try {
          await flush(deadline);
          return;
        } catch (error) {
          onRetry(error);
          await pause(LAST_RETRY_MS, deadline);
        }
      }
    },
  };
}

/**
 * Sends what there is. A batch that was not acknowledged may be in the stream even so: the very same one is sent again
 * before any other, so that the reader knows it by its number.
 */
function makeFlush({
  nats,
  stream,
  counts,
  epoch,
  site,
}: RefusalPublisherOptions): (signal: AbortSignal) => Promise<void> {
  let number = 0n;
  let unacknowledged: refusalEventsV1.RefusalBatch | undefined;
  const next = (): refusalEventsV1.RefusalBatch | undefined => {
    const rows = counts.take(MAX_BATCH_COUNTS);
    if (rows.length === 0) return undefined;
    number += 1n;
    return { minReaderVersion: 1, epoch, number, site, counts: rows.map(toCount) };
  };
  return async (signal) => {
    while (!signal.aborted) {
      unacknowledged ??= next();
      if (unacknowledged === undefined) return;
      await publishRefusals({ nats, stream, batch: unacknowledged, timeoutMs: TIMEOUT_MS });
      unacknowledged = undefined;
    }
  };
}

function toCount({ account, dialect, status, count, ...row }: RefusalRow): refusalEventsV1.RefusalCount {
  return {
    ...row,
    tenantId: account?.tenantId ?? '',
    clientKeyId: account?.clientKeyId ?? '',
    dialect: dialect === 'openai' ? eventsV1.Dialect.OPENAI : eventsV1.Dialect.ANTHROPIC,
    statusCode: status,
    count: BigInt(count),
  };
}
