import type { RequestScan } from './scan-request.ts';

export interface RequestChanges {
  /** The upstream's name of the model. */
  readonly model?: string;
  /** Ask for the usage chunk. */
  readonly includeUsage?: boolean;
}

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const INCLUDE_USAGE = '"include_usage":true';

/** The body with only these values changed; every other byte stays. The body itself where nothing has to change. */
export function rewriteRequest(body: Uint8Array, scan: RequestScan, changes: RequestChanges): Uint8Array {
  const splices: Splice[] = [];
  const { model } = changes;
  if (model !== undefined && model !== scan.model) {
    const text = JSON.stringify(model);
    for (const { start, end } of scan.modelRanges) splices.push({ start, end, text });
  }
  if (changes.includeUsage === true) splices.push(...includeUsage(scan));
  if (splices.length === 0) return body;

  splices.sort((a, b) => a.start - b.start);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, text } of splices) {
    parts.push(body.subarray(from, start), Buffer.from(text));
    from = end;
  }
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}

function includeUsage(scan: RequestScan): readonly Splice[] {
  const options = scan.streamOptions;
  if (options === undefined) {
    const comma = scan.isEmpty ? '' : ',';
    return [{ start: scan.endOffset, end: scan.endOffset, text: `${comma}"stream_options":{${INCLUDE_USAGE}}` }];
  }
  if (options.includeUsage === true) return [];
  if (options.includeUsageRange !== undefined) return [{ ...options.includeUsageRange, text: 'true' }];
  // `{}` and null are replaced as a whole.
  if (options.isEmpty) return [{ ...options.range, text: `{${INCLUDE_USAGE}}` }];
  const inside = options.range.start + 1;
  return [{ start: inside, end: inside, text: `${INCLUDE_USAGE},` }];
}
