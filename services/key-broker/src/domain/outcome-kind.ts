import type { OutcomeCause } from './key-event.ts';

/** What kind of thing a cause is to its key. */
export type OutcomeKind = 'success' | 'innocent' | 'model_denied' | 'rate_limited' | 'blocked' | 'auth' | 'failure';

export const outcomeKinds: Readonly<Record<OutcomeCause, OutcomeKind>> = {
  success: 'success',
  rate_limited: 'rate_limited',
  ban: 'blocked',
  quota: 'blocked',
  auth: 'auth',
  model_denied: 'model_denied',
  // the attribution looks at the proxy and the provider first; what it leaves with the key is a failure like others
  unattributed_403: 'failure',
  upstream_error: 'failure',
  connection: 'failure',
  timeout: 'failure',
  proxy_error: 'innocent',
  request_fault: 'innocent',
  cancelled: 'innocent',
};
