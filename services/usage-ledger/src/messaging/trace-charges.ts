import { contextFromTraceParent, type Telemetry } from '@omg/telemetry';
import type { UsageMessage } from '../app/ports.ts';

/** A span for each request that a router traced, in that request's own trace: the way over NATS ends here. */
export function traceCharges(tracer: Telemetry['tracer'], messages: readonly UsageMessage[]): void {
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
