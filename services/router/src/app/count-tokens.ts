import type { Site } from '../domain/site.ts';
import { admitRequest } from './admit-request.ts';
import type { Allowances } from './allowances.ts';
import { makeAttempt } from './attempt.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import { makeAttemptUntilAnswered } from './attempt-until-answered.ts';
import type { LeaseBroker } from './lease-broker.ts';
import type { ClientSink, Clock, Outbox } from './ports.ts';
import type { ClientRequest, PreparedRequest } from './prepare-request.ts';
import { openedRequest } from './relay-request.ts';
import type { Upstream } from './upstream.ts';

export interface CountTokensDeps {
  readonly site: () => Site;
  readonly prepare: (request: ClientRequest) => Promise<PreparedRequest>;
  readonly broker: LeaseBroker;
  readonly upstream: Upstream;
  readonly allowances: Allowances;
  readonly clock: Clock;
  readonly onCounted: (outcome: AttemptOutcome) => void;
}

/** Nothing is charged for a count, so that nothing of it is written down. */
const NO_BOOKS: Outbox = { opened: () => undefined, progress: () => undefined, settled: () => 0 };
const NOTHING_RESERVED = { tokens: 0, worstNanoUsd: 0, typicalNanoUsd: 0 };
const NOTHING_USED = { tokens: 0, costNanoUsd: 0, event: undefined };

/**
 * Asks the upstream how many tokens a request would have, by a lease like any other request; it is one of its account's
 * requests per minute, too. Throws a GatewayFailure for what is refused or fails before the client was answered.
 */
export function makeCountTokens(deps: CountTokensDeps): (request: ClientRequest, sink: ClientSink) => Promise<void> {
  const all = { ...deps, outbox: NO_BOOKS, retry: () => deps.site().retry };
  const attemptUntilAnswered = makeAttemptUntilAnswered({
    ...all,
    attempt: makeAttempt({ ...all, operation: 'count_tokens' }),
    open: (request, lease) => openedRequest(request, lease, ''),
  });
  return async (received, sink) => {
    const prepared = { ...(await deps.prepare(received)), stream: false, reservation: NOTHING_RESERVED };
    const request = await admitRequest(deps, prepared);
    try {
      const { outcome, failure } = await attemptUntilAnswered(request, sink);
      deps.onCounted(outcome);
      if (failure !== undefined && !received.clientGone.aborted) throw failure;
    } finally {
      deps.allowances.settle(request.allowance, NOTHING_USED);
    }
  };
}
