import type { auditV1 } from '@omg/proto-gen';
import { withNulls } from '../output/with-nulls.ts';
import { DIALECTS, USAGE_SOURCES } from './request-log.ts';

/** For programs; the event as far as it can be read, else null. */
export function deadLetterToJson({ event, ...letter }: auditV1.DeadLetter): object {
  return withNulls({
    ...letter,
    event:
      event === undefined
        ? undefined
        : { ...event, dialect: DIALECTS[event.dialect], usageSource: USAGE_SOURCES[event.usageSource] },
  });
}
