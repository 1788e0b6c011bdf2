/** Who is at fault, as far as the answer itself tells. */
export type UpstreamCause =
  | 'auth'
  | 'quota'
  | 'ban'
  | 'model_denied'
  | 'rate_limited'
  | 'upstream_error'
  | 'request_fault'
  | 'unattributed_403';

export type RequestFaultKind = 'context_length' | 'content_policy' | 'model_not_found' | 'too_large' | 'invalid';

export type Verdict =
  | { readonly cause: Exclude<UpstreamCause, 'request_fault'> }
  | { readonly cause: 'request_fault'; readonly fault: RequestFaultKind };

const AUTH: Verdict = { cause: 'auth' };
const QUOTA: Verdict = { cause: 'quota' };
const BAN: Verdict = { cause: 'ban' };
const MODEL_DENIED: Verdict = { cause: 'model_denied' };
const RATE_LIMITED: Verdict = { cause: 'rate_limited' };
const UPSTREAM: Verdict = { cause: 'upstream_error' };
const UNATTRIBUTED: Verdict = { cause: 'unattributed_403' };
const CONTEXT_LENGTH: Verdict = { cause: 'request_fault', fault: 'context_length' };
const CONTENT_POLICY: Verdict = { cause: 'request_fault', fault: 'content_policy' };
const MODEL_NOT_FOUND: Verdict = { cause: 'request_fault', fault: 'model_not_found' };
const TOO_LARGE: Verdict = { cause: 'request_fault', fault: 'too_large' };
const INVALID: Verdict = { cause: 'request_fault', fault: 'invalid' };

/** Types and codes that say it all, whatever the status is. */
const exactWords: Readonly<Record<string, Verdict>> = {
  token_not_found_in_db: AUTH,
  expired_key: AUTH,
  invalid_api_key: AUTH,
  budget_exceeded: QUOTA,
  insufficient_quota: QUOTA,
  insufficient_user_quota: QUOTA,
  pre_consume_token_quota_failed: QUOTA,
  insufficient_balance: QUOTA,
  billing_hard_limit_reached: QUOTA,
  billing_error: QUOTA,
  account_deactivated: BAN,
  rate_limit_exceeded: RATE_LIMITED,
  slow_down: RATE_LIMITED,
  overloaded_error: UPSTREAM,
  server_is_overloaded: UPSTREAM,
  unsupported_country_region_territory: UNATTRIBUTED,
  context_length_exceeded: CONTEXT_LENGTH,
  string_above_max_length: CONTEXT_LENGTH,
  content_policy_violation: CONTENT_POLICY,
  content_filter: CONTENT_POLICY,
  request_too_large: TOO_LARGE,
};

/** Types that several causes share: they decide after the message. */
const broadTypes: Readonly<Record<string, Verdict>> = {
  authentication_error: AUTH,
  auth_error: AUTH,
  permission_error: AUTH,
  rate_limit_error: RATE_LIMITED,
  not_found_error: MODEL_NOT_FOUND,
  api_error: UPSTREAM,
  timeout_error: UPSTREAM,
  server_error: UPSTREAM,
};

interface MessagePattern {
  readonly pattern: RegExp;
  readonly verdict: Verdict;
  /** Undefined: at every status below 500, and inside a stream. */
  readonly statuses?: readonly number[];
}

/** The first that fits decides. */
const messagePatterns: readonly MessagePattern[] = [
  {
    pattern:
      /budget has been exceeded|exceededbudget|over budget|insufficient balance|insufficient.{0,20}\b(quota|credits?)\b|credit balance is too low|exceeded your current quota|quota is not enough|额度不足|余额不足|预扣费/i,
    verdict: QUOTA,
  },
  { pattern: /crossed tpm|max parallel request limit/i, verdict: RATE_LIMITED },
  {
    pattern: /prompt is too long|context[ _]?(length|window)|maximum context|input is too long|exceed context limit/i,
    verdict: CONTEXT_LENGTH,
    statuses: [0, 400, 413, 422],
  },
  {
    pattern: /content (management )?policy|content[ _]filter|usage policy|safety system/i,
    verdict: CONTENT_POLICY,
    statuses: [0, 400, 403, 422],
  },
  // A firewall says "you have been blocked" of an address; a ban names what it is about.
  {
    pattern:
      /\b(account|user|key|token|organi[sz]ation|workspace)\b.{0,60}\b(banned|blocked|suspended|disabled|deactivated)\b|封禁|封号/i,
    verdict: BAN,
    statuses: [0, 400, 401, 402, 403, 429],
  },
  { pattern: /\b(banned|blocked|suspended|disabled)\b/i, verdict: BAN, statuses: [429] },
  {
    pattern:
      /invalid proxy server token|(incorrect|invalid) (x-)?api[ -]?key|api key (is )?(not valid|expired)|无效的令牌/i,
    verdict: AUTH,
    statuses: [0, 400, 401, 403],
  },
  {
    pattern: /\bmodel\b.{0,120}(does not exist|not found|not exist)|invalid model name/i,
    verdict: MODEL_NOT_FOUND,
    statuses: [0, 400, 404],
  },
];

export function verdictByWord(word: string | undefined): Verdict | undefined {
  if (word === undefined) return undefined;
  const lower = word.toLowerCase();
  if (lower.endsWith('_model_access_denied')) return MODEL_DENIED;
  return own(exactWords, lower);
}

/** @param status 0 inside a stream */
export function verdictByMessage(message: string | undefined, status: number): Verdict | undefined {
  if (message === undefined || status >= 500) return undefined;
  return messagePatterns.find(
    ({ pattern, statuses }) => (statuses === undefined || statuses.includes(status)) && pattern.test(message),
  )?.verdict;
}

export function verdictByBroadType(type: string | undefined, status: number): Verdict | undefined {
  if (type === undefined || status >= 500) return undefined;
  if (status === 0 && type === 'invalid_request_error') return INVALID;
  return own(broadTypes, type);
}

/** @param isHtml not an API's answer, but that of something on the way */
export function verdictByStatus(status: number, isHtml: boolean): Verdict {
  switch (status) {
    case 401:
      return isHtml ? UNATTRIBUTED : AUTH;
    case 402:
      return QUOTA;
    case 403:
      return UNATTRIBUTED;
    case 404:
      return isHtml ? UPSTREAM : MODEL_NOT_FOUND;
    case 413:
      return TOO_LARGE;
    case 429:
      return RATE_LIMITED;
    case 400:
    case 405:
    case 415:
    case 422:
      return isHtml ? UPSTREAM : INVALID;
    default:
      return UPSTREAM;
  }
}

function own(table: Readonly<Record<string, Verdict>>, word: string): Verdict | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
