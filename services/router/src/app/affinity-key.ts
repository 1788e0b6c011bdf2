import { crc32 } from 'node:zlib';
import { presentedSession, type HeaderSource, type RequestScan } from '@omg/llm-wire';

interface ConversationSource {
  readonly headers: HeaderSource;
  readonly body: Uint8Array;
}

/** What names the conversation that a request continues; undefined where nothing does. */
export function affinityKey({ headers, body }: ConversationSource, scan: RequestScan): string | undefined {
  const named = [presentedSession(headers), scan.promptCacheKey, scan.metadataUserId];
  return named.find((name) => name !== undefined && name !== '') ?? headOf(body, scan);
}

/**
 * What every later request of a conversation repeats: the system prompt and the first message of the user. Whose sums are the
 * same meet at a key, as do those whose 32 bits are in the end.
 */
function headOf(body: Uint8Array, { system, conversationHead }: RequestScan): string | undefined {
  if (conversationHead === undefined) return undefined;
  const before = system === undefined ? 0 : crc32(body.subarray(system.start, system.end));
  return String(crc32(body.subarray(conversationHead.start, conversationHead.end), before));
}
