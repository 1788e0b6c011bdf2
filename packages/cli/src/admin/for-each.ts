import { OmgError, type ErrorCode } from '@omg/errors';
import { CommandFailure } from '../failures.ts';

/** Faults of one of many, which say nothing about the others. */
const OF_ONE = new Set<ErrorCode>(['not_found', 'failed_precondition', 'already_exists']);

export interface Done<T> {
  readonly results: readonly T[];
  /** To be thrown when the results are printed. */
  readonly failure: CommandFailure | undefined;
}

/** One after the other; one that is refused does not keep the others from it, a service that is away does. */
export async function forEach<Item, T>(items: readonly Item[], run: (item: Item) => Promise<T>): Promise<Done<T>> {
  const results: T[] = [];
  const sentences: string[] = [];
  for (const item of items) {
    try {
      results.push(await run(item));
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      sentences.push(error.message);
      if (!(error.cause instanceof OmgError) || !OF_ONE.has(error.cause.code)) break;
    }
  }
  return { results, failure: sentences.length === 0 ? undefined : new CommandFailure(sentences.join('\n')) };
}
