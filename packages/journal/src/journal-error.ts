export type JournalErrorCode =
  /** The disk is full; the request must not be forwarded. */
  | 'no_space'
  /** The disk failed in another way. */
  | 'io'
  /** The journal holds as much as it may; nothing new is admitted until the ledger has charged some of it. */
  | 'full'
  | 'too_large'
  | 'duplicate_request'
  | 'unknown_request'
  | 'unknown_epoch'
  | 'invalid_epoch'
  | 'epoch_exists'
  | 'invalid_commit'
  | 'path_too_long'
  | 'closed';

/** What the journal throws. Nothing was written when a call throws it, and no number was used up. */
export class JournalError extends Error {
  readonly code: JournalErrorCode;

  constructor(code: JournalErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = 'JournalError';
    this.code = code;
  }
}

/** EFBIG is the limit of a process (ulimit -f), and as final as a full disk. */
const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function toJournalError(error: unknown, what: string): JournalError {
  if (error instanceof JournalError) return error;
  const code = systemCode(error);
  return code !== undefined && NO_SPACE.has(code)
    ? new JournalError('no_space', `journal: no space left to ${what}`, { cause: error })
    : new JournalError('io', `journal: could not ${what}`, { cause: error });
}

/** `ENOENT` and the like, of an error of the operating system. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
