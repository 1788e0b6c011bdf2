/** Causes come from other programs; as names of counters they have to be few and plain. */
const PLAIN = /^[a-z][a-z0-9_]{0,39}$/;

/** Why a request failed, in one word; empty where it succeeded. */
export function failureKind(request: {
  readonly success: boolean;
  readonly abortReason: string;
  readonly lastCause: string;
  readonly statusCode: number;
}): string {
  const { success, abortReason, lastCause, statusCode } = request;
  if (success) return '';
  const kind = abortReason || lastCause || `status_${statusCode}`;
  return PLAIN.test(kind) ? kind : 'other';
}
