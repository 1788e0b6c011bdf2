import type { Finding } from '../../domain/audit/finding.ts';
import type { DeadLetterStore } from '../dead-letters/dead-letter-ports.ts';

/** Events that wait to be charged are no difference: the rest of the books agree without them. They are named. */
export async function* checkDeadLetters(letters: Pick<DeadLetterStore, 'countByReason'>): AsyncIterable<Finding> {
  for (const [reason, count] of await letters.countByReason()) {
    yield { check: 'dead-letters', checked: count };
    yield { check: 'dead-letters', note: `${count} not charged: ${reason}` };
  }
}
