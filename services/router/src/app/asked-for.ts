import type { RequestScan } from '@omg/llm-wire';
import type { AskedFor } from '../domain/reservation.ts';

/** What a request asks for, as far as it bounds what it can cost. */
export function askedFor(body: Uint8Array, scan: RequestScan): AskedFor {
  return {
    bodyBytes: body.length,
    maxOutputTokens: scan.maxCompletionTokens ?? scan.maxTokens,
    choices: Math.max(1, scan.choices),
    isUnbounded: scan.reachesOut,
  };
}
