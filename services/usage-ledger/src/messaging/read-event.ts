import { eventsV1 } from '@omg/proto-gen';
import type { ReceivedEvent } from '../domain/usage-record.ts';
import { parseUsageEvent } from './parse-usage-event.ts';

/** An event of bytes that were kept; undefined where they are none, or one that a newer reader wrote. */
export function readEvent(payload: Uint8Array): ReceivedEvent | undefined {
  try {
    return parseUsageEvent(eventsV1.UsageEvent.decode(payload));
  } catch {
    return undefined;
  }
}
