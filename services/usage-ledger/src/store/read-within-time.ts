import { OmgError } from '@omg/errors';
import { asUnavailable } from '@omg/mongo';
import { MongoServerError } from 'mongodb';

/** Few filters have an index of their own: who asks for something rare has to narrow the time down. */
const BOUNDS = { maxTimeMS: 8_000, readConcern: { level: 'majority' } } as const;
const MAX_TIME_EXPIRED = 50;

/** A read of what is committed that gives up in time, and says what to change. */
export async function readWithinTime<T>(read: (bounds: typeof BOUNDS) => Promise<T>): Promise<T> {
  try {
    return await asUnavailable(async () => await read(BOUNDS));
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== MAX_TIME_EXPIRED) throw error;
    throw new OmgError('deadline_exceeded', 'too many logs would have to be looked through: name a shorter time', {
      cause: error,
    });
  }
}
