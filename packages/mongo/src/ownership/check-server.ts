import type { Mongo } from '../connect-mongo.ts';

const CHECK_MS = 5_000;
const TRANSACTION_LIFETIME_SECONDS = 5;

/** What a server that is not ours lacks, each as a line for the log; empty where all is as it should be. */
export async function checkServer(mongo: Mongo): Promise<readonly string[]> {
  const expected = `start it with --setParameter transactionLifetimeLimitSeconds=${TRANSACTION_LIFETIME_SECONDS}`;
  try {
    const answer = await mongo.db
      .admin()
      .command(
        { getParameter: 1, transactionLifetimeLimitSeconds: 1 },
        { signal: AbortSignal.timeout(CHECK_MS), readPreference: 'primary' },
      );
    const seconds = Number(answer['transactionLifetimeLimitSeconds']);
    if (seconds <= TRANSACTION_LIFETIME_SECONDS) return [];
    return [`MongoDB lets a dead process' transaction keep its locks for ${seconds} s: ${expected}`];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`MongoDB does not tell its transactionLifetimeLimitSeconds (${reason}): ${expected}`];
  }
}
