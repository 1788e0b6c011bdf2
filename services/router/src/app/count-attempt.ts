import { errorAnswer, type UpstreamFault } from '@omg/llm-wire';
import { NO_TOKENS, nothingDelivered, type AttemptEnd, type AttemptOutcome } from './attempt-outcome.ts';
import type { ClientSink } from './ports.ts';
import type { PreparedRequest } from './prepare-request.ts';

/** Where an upstream counts what it would be sent at its path for messages. */
export function countUrl(messagesUrl: string): string {
  const url = new URL(messagesUrl);
  url.pathname += '/count_tokens';
  return url.href;
}

/** Whether an upstream has nothing there, which is nobody's fault; a 404 that explains itself is about the model. */
export function cannotCount({ status, isHtml, error }: UpstreamFault): boolean {
  return status === 405 || status === 501 || (status === 404 && (isHtml || error.message === undefined));
}

export function answerCannotCount(
  { dialect, requestId }: PreparedRequest,
  seen: { readonly status: number; readonly providerRequestId: string },
  sink: ClientSink,
): AttemptOutcome {
  const answer = errorAnswer(dialect, 'not_found', { message: 'tokens cannot be counted for this model', requestId });
  sink.answer(answer.status, Object.entries(answer.headers).flat(), answer.body);
  const { status: upstreamStatus, providerRequestId } = seen;
  return nothingDelivered({ clientStatus: answer.status, upstreamStatus, cause: 'cannot_count', providerRequestId });
}

/** What an answer's size would say of its tokens is not so here. */
export function withoutUsage(end: AttemptEnd): AttemptEnd {
  return 'outcome' in end ? { outcome: { ...end.outcome, tokens: NO_TOKENS, usageSource: 'none' } } : end;
}
