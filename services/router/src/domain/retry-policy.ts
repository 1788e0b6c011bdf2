/** What an attempt goes by: the same key at another endpoint or through another proxy is another route. */
export interface Route {
  readonly keyId: string;
  readonly endpoint: string;
  /** Empty: directly. */
  readonly proxyId: string;
}

/** What an attempt failed of, as far as trying again is concerned. */
export type FailureCause =
  | 'auth'
  | 'quota'
  | 'ban'
  | 'model_denied'
  | 'rate_limited'
  | 'unattributed_403'
  | 'upstream_error'
  | 'connection'
  | 'timeout'
  | 'proxy_error'
  /** Its lease was taken away. */
  | 'cut'
  | 'request_fault';

export interface RetryPolicy {
  /** How often the broker is asked, at most: an attempt each time, unless it has none to give. */
  readonly attempts: number;
  readonly attemptsPerRoute: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Who would have to wait for longer is better told so. */
  readonly maxWaitMs: number;
  /** How long, and how much of a stream's head is held back until its content begins. */
  readonly headHoldMs: number;
  readonly headHoldBytes: number;
}

export const RETRY_DEFAULTS: RetryPolicy = {
  attempts: 6,
  attemptsPerRoute: 3,
  backoffMs: 250,
  maxBackoffMs: 8_000,
  maxWaitMs: 30_000,
  headHoldMs: 5_000,
  headHoldBytes: 64 * 1024,
};

export interface FailedTry {
  readonly kind: 'failed';
  readonly route: Route;
  readonly cause: FailureCause;
  readonly atMs: number;
  /** What the upstream asked for. */
  readonly retryAfterMs: number | undefined;
}

/** What became of asking the broker once. */
export type Try =
  | FailedTry
  /** The broker gave nothing; `passing`: not because of the keys that are left out, so that it may soon. */
  | { readonly kind: 'refused'; readonly retryAfterMs: number | undefined; readonly passing: boolean }
  /** It gave a route that this request must not use, or not yet. */
  | { readonly kind: 'given_back'; readonly route: Route };

export interface RetryQuestion {
  readonly history: readonly Try[];
  /** How often this request has waited. */
  readonly waits: number;
  readonly nowMs: number;
  /** When the request's time is over. */
  readonly deadlineMs: number;
  /** 0 up to, not including, 1. */
  readonly jitter: number;
  readonly policy: RetryPolicy;
}

export type RetryDecision =
  | { readonly kind: 'ask'; readonly afterMs: number; readonly exclude: readonly string[] }
  | { readonly kind: 'give_up' };

interface Rule {
  /** What this request does not use again. A key that only asked for time is back after it. */
  readonly spends: 'nothing' | 'route' | 'key' | 'key_for_a_time' | 'request';
  /** Another key comes first. */
  readonly avoidsKey: boolean;
  /** The broker may be about to put another key in this one's place, or to lead it elsewhere. */
  readonly heals: boolean;
}

const RULES: Readonly<Record<FailureCause, Rule>> = {
  auth: { spends: 'key', avoidsKey: true, heals: true },
  // the key itself may go on at its backup endpoint
  quota: { spends: 'route', avoidsKey: true, heals: true },
  ban: { spends: 'route', avoidsKey: true, heals: true },
  cut: { spends: 'key', avoidsKey: true, heals: true },
  model_denied: { spends: 'key', avoidsKey: true, heals: false },
  rate_limited: { spends: 'key_for_a_time', avoidsKey: true, heals: false },
  unattributed_403: { spends: 'route', avoidsKey: true, heals: false },
  upstream_error: { spends: 'nothing', avoidsKey: true, heals: false },
  connection: { spends: 'nothing', avoidsKey: true, heals: false },
  timeout: { spends: 'nothing', avoidsKey: true, heals: false },
  // the conversation stays on its key where another proxy leads there
  proxy_error: { spends: 'nothing', avoidsKey: false, heals: false },
  request_fault: { spends: 'request', avoidsKey: false, heals: false },
};

const GIVE_UP: RetryDecision = { kind: 'give_up' };

/** Whether a request whose client has seen nothing yet asks for a lease (again), when, and for which keys not. */
export function decideRetry(question: RetryQuestion): RetryDecision {
  const { history, nowMs, deadlineMs, policy } = question;
  const last = history.at(-1);
  if (nowMs >= deadlineMs) return GIVE_UP;
  if (last === undefined) return { kind: 'ask', afterMs: 0, exclude: [] };
  const failures = failuresOf(history);
  // the broker itself has waited for a while before it refused the first time
  if (failures.length === 0 || failures.some(({ cause }) => RULES[cause].spends === 'request')) return GIVE_UP;
  if (history.length >= policy.attempts) return GIVE_UP;
  if (last.kind === 'refused') return waitAndAsk(question, failures);
  if (last.kind === 'failed' && RULES[last.cause].spends === 'nothing' && history.some(isRefusal))
    return waitAndAsk(question, failures);
  return { kind: 'ask', afterMs: 0, exclude: othersThan(history, question) };
}

/** Whether a route that the broker gave may be used; `waited`: this request has waited before it asked. */
export function mayUse(
  route: Route,
  { history, nowMs, policy }: Pick<RetryQuestion, 'history' | 'nowMs' | 'policy'>,
  waited: boolean,
): boolean {
  const failures = failuresOf(history);
  if (failures.some((failure) => failure.route.keyId === route.keyId && keyIsBackAtMs(failure) > nowMs)) return false;
  const same = failures.filter((failure) => isSame(failure.route, route));
  if (same.some(({ cause }) => RULES[cause].spends === 'route')) return false;
  return same.length === 0 || (waited && same.length < policy.attemptsPerRoute);
}

/** Waits where there is something to wait for, and then takes whatever key is still good. */
function waitAndAsk(question: RetryQuestion, failures: readonly FailedTry[]): RetryDecision {
  const { history, waits, nowMs, deadlineMs, jitter, policy } = question;
  const last = history.at(-1);
  const hopes = failures.flatMap((failure) => comesBackAtMs(failure, failures, policy)).map((atMs) => atMs - nowMs);
  if (failures.some(({ cause }) => RULES[cause].heals)) hopes.push(0);
  if (last?.kind === 'refused') {
    if (last.retryAfterMs !== undefined) hopes.push(last.retryAfterMs);
    if (last.passing) hopes.push(0);
  }
  if (hopes.length === 0) return GIVE_UP;
  const backoffMs = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** waits) * (0.5 + jitter);
  const afterMs = Math.ceil(Math.max(backoffMs, Math.min(...hopes)));
  if (afterMs > policy.maxWaitMs || nowMs + afterMs >= deadlineMs) return GIVE_UP;
  return { kind: 'ask', afterMs, exclude: spentKeys(failures, nowMs + afterMs, policy) };
}

/** When a failed route can be tried again, if ever. */
function comesBackAtMs(failure: FailedTry, failures: readonly FailedTry[], policy: RetryPolicy): number[] {
  const { route } = failure;
  const ofRoute = failures.filter((other) => isSame(other.route, route));
  if (ofRoute.length >= policy.attemptsPerRoute) return [];
  if (ofRoute.some(({ cause }) => RULES[cause].spends === 'route')) return [];
  // only the broker knows how long: its refusal tells
  if (RULES[failure.cause].spends === 'key_for_a_time' && failure.retryAfterMs === undefined) return [];
  const backAtMs = Math.max(...failures.filter((other) => other.route.keyId === route.keyId).map(keyIsBackAtMs));
  return backAtMs === Number.POSITIVE_INFINITY ? [] : [backAtMs];
}

function keyIsBackAtMs({ cause, atMs, retryAfterMs }: FailedTry): number {
  return RULES[cause].spends === 'key' ? Number.POSITIVE_INFINITY : atMs + (retryAfterMs ?? 0);
}

function spentKeys(failures: readonly FailedTry[], atMs: number, policy: RetryPolicy): string[] {
  const spent = failures.filter(
    (failure) =>
      keyIsBackAtMs(failure) > atMs ||
      failures.filter(({ route }) => isSame(route, failure.route)).length >= policy.attemptsPerRoute,
  );
  return distinctKeys(spent);
}

/** Leaves out what was tried, to learn whether there is something else. */
function othersThan(history: readonly Try[], { nowMs, policy }: RetryQuestion): string[] {
  const failures = failuresOf(history);
  const avoided = history.filter(
    (one) => one.kind === 'given_back' || (one.kind === 'failed' && RULES[one.cause].avoidsKey),
  );
  return [...new Set([...spentKeys(failures, nowMs, policy), ...distinctKeys(avoided)])];
}

function distinctKeys(tries: readonly Try[]): string[] {
  return [...new Set(tries.flatMap((one) => (one.kind === 'refused' ? [] : [one.route.keyId])))];
}

function failuresOf(history: readonly Try[]): FailedTry[] {
  return history.filter((one) => one.kind === 'failed');
}

function isRefusal({ kind }: Try): boolean {
  return kind === 'refused';
}

function isSame(a: Route, b: Route): boolean {
  return a.keyId === b.keyId && a.endpoint === b.endpoint && a.proxyId === b.proxyId;
}
