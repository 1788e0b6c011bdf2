/**
 * Does the work when what has arrived meanwhile was heard. After a process stood still its timers come before its sockets:
 * a decision that is due would be made without what was said in time.
 */
export function afterArrivals(work: () => void): void {
  // one turn reads what is there, and what that sets going is through with the next
  setImmediate(() => setImmediate(work));
}
