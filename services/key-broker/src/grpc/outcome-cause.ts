import { keyBrokerV1 } from '@omg/proto-gen';
import type { OutcomeCause } from '../domain/key-event.ts';

const CAUSES: Record<OutcomeCause, keyBrokerV1.OutcomeCause> = {
  success: keyBrokerV1.OutcomeCause.SUCCESS,
  rate_limited: keyBrokerV1.OutcomeCause.RATE_LIMITED,
  ban: keyBrokerV1.OutcomeCause.BAN,
  quota: keyBrokerV1.OutcomeCause.QUOTA,
  auth: keyBrokerV1.OutcomeCause.AUTH,
  model_denied: keyBrokerV1.OutcomeCause.MODEL_DENIED,
  unattributed_403: keyBrokerV1.OutcomeCause.UNATTRIBUTED_403,
  upstream_error: keyBrokerV1.OutcomeCause.UPSTREAM_ERROR,
  connection: keyBrokerV1.OutcomeCause.CONNECTION,
  timeout: keyBrokerV1.OutcomeCause.TIMEOUT,
  proxy_error: keyBrokerV1.OutcomeCause.PROXY_ERROR,
  request_fault: keyBrokerV1.OutcomeCause.REQUEST_FAULT,
  cancelled: keyBrokerV1.OutcomeCause.CANCELLED,
};

export function toOutcomeCause(cause: OutcomeCause): keyBrokerV1.OutcomeCause {
  return CAUSES[cause];
}

const FROM: ReadonlyMap<keyBrokerV1.OutcomeCause, OutcomeCause> = new Map(
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a record's keys are what its type says
  Object.entries(CAUSES).map(([cause, wire]) => [wire, cause as OutcomeCause]),
);

/** Undefined where the caller leaves it open; a cause that a newer caller knows says nothing here. */
export function fromOutcomeCause(cause: keyBrokerV1.OutcomeCause): OutcomeCause | undefined {
  return cause === keyBrokerV1.OutcomeCause.UNRECOGNIZED ? 'cancelled' : FROM.get(cause);
}
