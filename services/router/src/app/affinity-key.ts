import { hash } from 'node:crypto';
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

/** What every later request of a conversation repeats: the system prompt and the first message of the user. */
function headOf(body: Uint8Array, { system, conversationHead }: RequestScan): string | undefined {
  if (conversationHead === undefined) return undefined;
  const first = body.subarray(conversationHead.start, conversationHead.end);
  const head = system === undefined ? first : Buffer.concat([body.subarray(system.start, system.end), first]);
  return hash('sha256', head, 'base64');
}
