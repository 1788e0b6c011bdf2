import type { Dialect } from '../dialect.ts';
import { AnthropicObserver } from './anthropic-observer.ts';
import { OpenAiObserver } from './openai-observer.ts';
import type { StreamObserver } from './stream-observer.ts';

/**
 * What watches a stream of this dialect.
 *
 * @param choices the request's `n` (OpenAI dialect only)
 */
export function createStreamObserver(dialect: Dialect, choices = 1): StreamObserver {
  return dialect === 'openai' ? new OpenAiObserver(choices) : new AnthropicObserver();
}
