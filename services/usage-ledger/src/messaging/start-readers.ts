import { USAGE_PARTITIONS } from '@omg/messaging';
import { contextFromTraceParent, type Telemetry } from '@omg/telemetry';
import type { ChargeMessagesInput, ChargeMessagesResult } from '../app/charge-messages.ts';
import type { UsageMessage } from '../app/ports.ts';
import { readPartition, type PartitionReaderOptions } from './partition-reader.ts';

export interface ReadersOptions extends Pick<PartitionReaderOptions, 'nats' | 'stream' | 'position' | 'onInterrupted'> {
  readonly charge: (input: ChargeMessagesInput) => Promise<ChargeMessagesResult>;
  readonly tracer: Telemetry['tracer'];
  readonly onCharged: (result: ChargeMessagesResult) => void;
}

/** Reads all partitions until it is disposed of; what is being charged then is still brought to its end. */
export function startReaders({ tracer, onCharged, ...options }: ReadersOptions): AsyncDisposable {
  const stopped = new AbortController();
  const readers = Array.from(
    { length: USAGE_PARTITIONS },
    async (_, partition) =>
      await readPartition({
        ...options,
        partition,
        signal: stopped.signal,
        onCharged: (result, messages) => {
          onCharged(result);
          traceCharges(tracer, messages);
        },
      }),
  );
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await Promise.all(readers);
    },
  };
}

/** A span for each request that a router traced, in that request's own trace: the way over NATS ends here. */
function traceCharges(tracer: Telemetry['tracer'], messages: readonly UsageMessage[]): void {
  for (const { content } of messages.flatMap(({ events }) => events)) {
    if ('fault' in content || content.traceParent === '') continue;
    const { requestId, traceParent, partition } = content;
    tracer
      .startSpan(
        'charge',
        { attributes: { 'omg.request_id': requestId, 'omg.partition': partition } },
        contextFromTraceParent(traceParent),
      )
      .end();
  }
}
