import type { RequestScan } from '@omg/llm-wire';

const BYTES_PER_TOKEN = 4;
// for requests that do not bound their answer
const USUAL_OUTPUT = 1_024;

/** What a request will use of a key's tokens per minute, before anything is known of it. */
export function estimateTokens(bodyBytes: number, scan: RequestScan): number {
  const output = scan.maxCompletionTokens ?? scan.maxTokens ?? USUAL_OUTPUT;
  return Math.ceil(bodyBytes / BYTES_PER_TOKEN) + output * Math.max(1, scan.choices);
}
