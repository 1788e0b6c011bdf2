import { keyBrokerV1 } from '@omg/proto-gen';
import type { OutcomeCause } from '../domain/key-event.ts';
import type { PoolOutcome } from '../domain/pool/pool-types.ts';

const FROM: Record<Exclude<keyBrokerV1.OutcomeCause, 'UNRECOGNIZED'>, OutcomeCause | undefined> = {
  OUTCOME_CAUSE_UNSPECIFIED: undefined,
  OUTCOME_CAUSE_SUCCESS: 'success',
  OUTCOME_CAUSE_RATE_LIMITED: 'rate_limited',
  OUTCOME_CAUSE_BAN: 'ban',
  OUTCOME_CAUSE_QUOTA: 'quota',
  OUTCOME_CAUSE_AUTH: 'auth',
  OUTCOME_CAUSE_MODEL_DENIED: 'model_denied',
  OUTCOME_CAUSE_UNATTRIBUTED_403: 'unattributed_403',
  OUTCOME_CAUSE_UPSTREAM_ERROR: 'upstream_error',
  OUTCOME_CAUSE_CONNECTION: 'connection',
  OUTCOME_CAUSE_TIMEOUT: 'timeout',
  OUTCOME_CAUSE_PROXY_ERROR: 'proxy_error',
  OUTCOME_CAUSE_REQUEST_FAULT: 'request_fault',
  OUTCOME_CAUSE_CANCELLED: 'cancelled',
};

/** Undefined where the caller leaves it open; a cause that a newer caller knows says nothing here. */
export function fromOutcomeCause(cause: keyBrokerV1.OutcomeCause): OutcomeCause | undefined {
  return cause === keyBrokerV1.OutcomeCause.UNRECOGNIZED ? 'cancelled' : FROM[cause];
}

export function fromHolderOutcome(outcome: keyBrokerV1.HolderOutcome): PoolOutcome {
  const { keyId, generation, endpoint, proxyId, probeId, retryAfterMs, model, message, status, errorWords } = outcome;
  return {
    keyId,
    generation,
    endpoint: endpoint === 'backup' ? 'backup' : 'primary',
    proxyId: proxyId === '' ? undefined : proxyId,
    cause: fromOutcomeCause(outcome.cause) ?? 'cancelled',
    status,
    errorWords,
    ...(probeId !== undefined && { probeId: Number(probeId) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(model !== '' && { model }),
    ...(message !== '' && { message }),
  };
}
