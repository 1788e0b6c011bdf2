import { CommandFailure } from '../failures.ts';

/** What an answer of usage-ledger holds, which protobuf cannot promise. */
export function answered<T>(value: T | undefined): T {
  if (value === undefined) throw new CommandFailure('usage-ledger: the answer is empty');
  return value;
}
