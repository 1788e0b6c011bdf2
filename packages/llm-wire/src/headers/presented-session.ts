import { forEachHeader } from './header-source.ts';
import type { HeaderSource } from './header-source.ts';

/** What agents call a conversation in, the most deliberate one first. */
const SESSION_HEADERS = [
  'x-omg-session',
  'x-claude-code-session-id',
  'session-id',
  'thread-id',
  'x-session-affinity',
  'x-session-id',
];

/** The conversation that a client says it continues; the best material for its affinity key. */
export function presentedSession(headers: HeaderSource): string | undefined {
  let best = SESSION_HEADERS.length;
  let session: string | undefined;
  forEachHeader(headers, (name, value) => {
    const rank = SESSION_HEADERS.indexOf(name);
    if (rank === -1 || rank >= best || value === '') return;
    best = rank;
    session = value;
  });
  return session;
}
