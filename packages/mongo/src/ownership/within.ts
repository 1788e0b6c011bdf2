import { OmgError } from '@omg/errors';

/** What the work resolves with, unless that takes too long: then it may still happen, and nobody hears of it. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new OmgError('deadline_exceeded', `MongoDB did not answer in ${ms} ms`));
  }, ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
