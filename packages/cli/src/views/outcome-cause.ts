import { keyBrokerV1 } from '@omg/proto-gen';

const { OutcomeCause } = keyBrokerV1;

export const OUTCOME_CAUSES: Record<keyBrokerV1.OutcomeCause, string> = {
  [OutcomeCause.SUCCESS]: 'success',
  [OutcomeCause.RATE_LIMITED]: 'rate_limited',
  [OutcomeCause.BAN]: 'ban',
  [OutcomeCause.QUOTA]: 'quota',
  [OutcomeCause.AUTH]: 'auth',
  [OutcomeCause.MODEL_DENIED]: 'model_denied',
  [OutcomeCause.UNATTRIBUTED_403]: 'unattributed_403',
  [OutcomeCause.UPSTREAM_ERROR]: 'upstream_error',
  [OutcomeCause.CONNECTION]: 'connection',
  [OutcomeCause.TIMEOUT]: 'timeout',
  [OutcomeCause.PROXY_ERROR]: 'proxy_error',
  [OutcomeCause.REQUEST_FAULT]: 'request_fault',
  [OutcomeCause.CANCELLED]: 'cancelled',
  [OutcomeCause.UNSPECIFIED]: 'unknown',
  [OutcomeCause.UNRECOGNIZED]: 'unknown',
};
