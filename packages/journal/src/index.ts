export { openJournal } from './journal.ts';
export type { AdoptedEpoch, FullReason, Journal, JournalOptions, JournalStats } from './journal.ts';
export type { Damage, JournalEvent } from './epoch-log.ts';
export type { NumberRange, OpenRequest } from './epoch-state.ts';
export type { ClaimFailure } from './epoch-folders.ts';
export { JournalError } from './journal-error.ts';
export type { JournalErrorCode } from './journal-error.ts';
