import type { RequestScan } from '@omg/llm-wire';
import type { AskedFor } from '../domain/reservation.ts';

/**
 * What makes an upstream read more than it was sent: content by reference (a URL, a file that was uploaded), and tools
 * that it runs itself.
 */
const UNBOUNDED = [
  '"image_url"',
  '"file_id"',
  '"url"',
  '"web_search',
  '"web_fetch',
  '"code_execution',
  '"container"',
  '"mcp_servers"',
];

/** What a request asks for, as far as it bounds what it can cost. */
export function askedFor(body: Uint8Array, scan: RequestScan): AskedFor {
  return {
    bodyBytes: body.length,
    maxOutputTokens: scan.maxCompletionTokens ?? scan.maxTokens,
    choices: Math.max(1, scan.choices),
    isUnbounded: mentions(body, UNBOUNDED),
  };
}

function mentions(body: Uint8Array, words: readonly string[]): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return words.some((word) => bytes.includes(word, 0, 'latin1'));
}
