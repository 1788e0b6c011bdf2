import { invalid } from './admin-deps.ts';

const MAX_LENGTH = 128;

/** Who a change is written down under: the service that calls, and whoever it says it acts for. */
export function actorOf(service: string, actor: string): string {
  // control characters would reach terminals and logs by the history
  if (actor.length > MAX_LENGTH || /\p{C}/u.test(actor))
    invalid(`actor must be at most ${MAX_LENGTH} printable characters`);
  return actor === '' ? service : `${service}/${actor}`;
}
