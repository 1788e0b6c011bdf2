import type { ErrorCode } from './code.ts';

export interface OmgErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs, safe to show to the caller. */
  readonly details?: Readonly<Record<string, string>>;
}

/** An error with a code that programs act on and a message that is safe to show to whoever asked. */
export class OmgError extends Error {
  override readonly name = 'OmgError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: OmgErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The error itself where it is an OmgError, else an `internal` one that says nothing about its cause. */
export function toOmgError(error: unknown): OmgError {
  return error instanceof OmgError ? error : new OmgError('internal', 'internal error', { cause: error });
}
