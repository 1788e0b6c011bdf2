const KINDS = ['requests', 'tokens'];
const VALUES = ['limit', 'remaining', 'reset'];

/** What pages of other origins may read of an answer: what SDKs read. */
export const EXPOSED_HEADERS: readonly string[] = [
  'x-request-id',
  'request-id',
  'retry-after',
  'x-should-retry',
  ...VALUES.flatMap((value) => KINDS.map((kind) => `x-ratelimit-${value}-${kind}`)),
  ...KINDS.flatMap((kind) => VALUES.map((value) => `anthropic-ratelimit-${kind}-${value}`)),
  'x-budget-limit',
  'x-budget-remaining',
  'x-budget-warning',
];
