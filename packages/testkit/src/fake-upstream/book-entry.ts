import type { Dialect } from './error-answer.ts';
import type { Tokens } from './tokens.ts';

/** One request as the upstream saw it. All times are epoch milliseconds with fractions, of one monotonic clock. */
export interface BookEntry {
  readonly id: number;
  readonly startedAtMs: number;
  /** The provider's request id in the answer's headers; null when no headers were sent. */
  requestId: string | null;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** Every header as it arrived, in order. */
  readonly requestHeaders: ReadonlyArray<readonly [name: string, value: string]>;
  readonly key: string | null;
  readonly keyHeader: 'authorization' | 'x-api-key' | null;
  /** The name that a fake proxy announced for this connection, or `direct`. */
  readonly proxy: string;
  readonly remote: string;
  /** The number of the TCP connection, and of this request on it. */
  readonly connection: number;
  readonly requestOnConnection: number;
  dialect: Dialect | null;
  model: string | null;
  stream: boolean;
  requestBytes: number;
  /** SHA-256 of the body received, hexadecimal; null until all of it arrived. */
  requestSha256: string | null;
  status: number | null;
  fault: { readonly ruleId: string | null; readonly kind: string } | null;
  /** What the provider charges: the prompt once the answer's headers were sent, the output as it was written. */
  delivered: Tokens;
  /** What the usage fields that were really sent amount to; null when none was sent. */
  promised: Tokens | null;
  usageSent: 'none' | 'start' | 'final';
  /** The usage objects as sent, in order. */
  usages: unknown[];
  /** Body bytes and writes that the operating system took. */
  bytesSent: number;
  chunksSent: number;
  /** The whole answer was written and ended as the dialect demands. */
  complete: boolean;
  headersAtMs: number | null;
  firstByteAtMs: number | null;
  lastByteAtMs: number | null;
  /** The client went away before the answer's end, and how long after the start. */
  clientAwayAtMs: number | null;
  clientAwayAfterMs: number | null;
  /** The request was over, in whatever way. */
  closedAtMs: number | null;
  /** The TCP connection was closed; only in the connection's last entry. */
  socketClosedAtMs: number | null;
  /** Whether the bodies can still be asked for. */
  bodiesKept: boolean;
}

export interface BookFilter {
  readonly key?: string | undefined;
  readonly model?: string | undefined;
  readonly proxy?: string | undefined;
  readonly requestId?: string | undefined;
  /** Only entries with a greater id. With a limit, the first ones after it; without it, the last ones. */
  readonly since?: number | undefined;
  readonly limit?: number | undefined;
}
