/** What the end of `omg` says to programs. */
export const EXIT_CODES = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line itself is wrong; the message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was understood and did not succeed; the message is a sentence for whoever ran it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
