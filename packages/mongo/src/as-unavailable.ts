import { OmgError } from '@omg/errors';
import { MongoError } from 'mongodb';

// by name: the driver does not export all of these classes
const AWAY =
  /^Mongo(?:Network|NetworkTimeout|ServerSelection|WaitQueueTimeout|NotConnected|TopologyClosed|PoolCleared|PoolClosed|ServerClosed)Error$/;

/** Does the work; that the server cannot be reached becomes `unavailable`, so that callers know that it passes. */
export async function asUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MongoError) || !isAway(error)) throw error;
    throw new OmgError('unavailable', 'MongoDB does not answer', { cause: error });
  }
}

function isAway(error: MongoError): boolean {
  // a primary that steps down or shuts down answers, with an error that says so
  return AWAY.test(error.name) || error.hasErrorLabel('RetryableWriteError') || error.hasErrorLabel('RetryableError');
}
