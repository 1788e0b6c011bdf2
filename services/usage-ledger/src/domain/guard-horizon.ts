/**
 * How long an event may take until it is charged. That a request is charged is known by its log: logs are kept for longer
 * than this, and an event that is older might be in the books with its log gone.
 */
export const GUARD_HORIZON_DAYS = 35;

export function isBeyondGuard(acceptedAt: Date, now: Date): boolean {
  return now.getTime() - acceptedAt.getTime() > GUARD_HORIZON_DAYS * 86_400_000;
}
