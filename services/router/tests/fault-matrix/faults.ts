import { ERROR_NAMES, type ErrorName, type FaultInput, type PlainFault } from '@omg/testkit';

/** Where in an answer a fault strikes. */
export type Moment = 'before the headers' | 'before the first token' | 'in the middle';

export interface Way {
  readonly dialect: 'openai' | 'anthropic';
  readonly stream: boolean;
  /** The client asks for the usage chunk itself; else the gateway asks for it and takes it out again. */
  readonly asksUsage: boolean;
}

/** What the fault is to an attempt, as the books of the gateway name it. */
export type Cause =
  | 'auth'
  | 'quota'
  | 'ban'
  | 'model_denied'
  | 'rate_limited'
  | 'unattributed_403'
  | 'upstream_error'
  | 'request_fault'
  | 'reset'
  | 'timeout'
  | 'truncated'
  | 'malformed';

/** What is to become of a request that meets the fault. */
export type Expected =
  /** The client gets every byte of the upstream’s, and the provider's numbers are charged. */
  | { readonly kind: 'whole' }
  /** The client has seen nothing: another attempt follows, or an answer of the gateway’s own. */
  | {
      readonly kind: 'unseen';
      readonly cause: Cause;
      /** The upstream's answer had begun, which is what the broker hears of. */
      readonly begun?: boolean;
    }
  /** The client has seen a part: it is told in the stream, and its connection breaks. */
  | {
      readonly kind: 'broken';
      readonly cause: 'reset' | 'timeout' | 'truncated' | 'error_event';
      /** The upstream has said so itself. */
      readonly toldByUpstream?: boolean;
      /** The provider's numbers came all the same, of the whole answer. */
      readonly counted?: boolean;
    };

export interface Struck {
  readonly fault: FaultInput;
  readonly expected: Expected;
  /** The router is to run into a deadline. */
  readonly slow?: boolean;
}

/** The fault in a cell, or why it cannot be there. */
export type Strike = (moment: Moment, way: Way) => Struck | string;

const STATUSES = [
  400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 501, 502, 503, 504, 529, 599,
] as const;

const OF_STATUS: Readonly<Record<(typeof STATUSES)[number], Cause>> = {
  400: 'request_fault',
  401: 'auth',
  402: 'quota',
  403: 'auth',
  404: 'request_fault',
  405: 'request_fault',
  408: 'upstream_error',
  409: 'upstream_error',
  413: 'request_fault',
  415: 'request_fault',
  422: 'request_fault',
  429: 'rate_limited',
  500: 'upstream_error',
  501: 'upstream_error',
  502: 'upstream_error',
  503: 'upstream_error',
  504: 'upstream_error',
  529: 'upstream_error',
  599: 'upstream_error',
};

const OF_ERROR: Readonly<Record<ErrorName, Cause>> = {
  'openai-invalid-api-key': 'auth',
  'openai-insufficient-quota': 'quota',
  'openai-rate-limit': 'rate_limited',
  'openai-slow-down': 'rate_limited',
  'openai-overloaded': 'upstream_error',
  'openai-model-not-found': 'request_fault',
  'openai-context-length': 'request_fault',
  'openai-content-policy': 'request_fault',
  'openai-account-deactivated': 'ban',
  'openai-unknown-stream-options': 'request_fault',
  'anthropic-credit-balance': 'quota',
  'anthropic-billing': 'quota',
  'anthropic-authentication': 'auth',
  'anthropic-permission': 'ban',
  'anthropic-not-found': 'request_fault',
  'anthropic-too-large': 'request_fault',
  'anthropic-prompt-too-long': 'request_fault',
  'anthropic-rate-limit': 'rate_limited',
  'anthropic-api-error': 'upstream_error',
  'anthropic-timeout': 'upstream_error',
  'anthropic-overloaded': 'upstream_error',
  'litellm-token-not-found': 'auth',
  'litellm-expired-key': 'auth',
  'litellm-budget-exceeded-429': 'quota',
  'litellm-budget-exceeded-400': 'quota',
  'litellm-budget-exceeded-auth-error': 'quota',
  'litellm-exceeded-budget': 'quota',
  'litellm-key-model-access-denied': 'model_denied',
  'litellm-team-model-access-denied': 'model_denied',
  'litellm-user-model-access-denied': 'model_denied',
  'litellm-crossed-limit': 'rate_limited',
  'litellm-no-deployments': 'rate_limited',
  'newapi-bad-token': 'auth',
  'newapi-banned': 'ban',
  'newapi-insufficient-user-quota': 'quota',
  'newapi-pre-consume-token-quota-failed': 'quota',
  'deepseek-insufficient-balance': 'quota',
  'json-403': 'unattributed_403',
  'html-403': 'unattributed_403',
  'html-429': 'rate_limited',
  'html-502': 'upstream_error',
  'html-503': 'upstream_error',
  'html-504': 'upstream_error',
  'html-520': 'upstream_error',
  'text-500': 'upstream_error',
  'empty-502': 'upstream_error',
};

const HEAD_ONLY = 'it is the answer itself, which has no later moment';
const BODY_ONLY = 'it strikes in a body: before the headers it is reset, close or silence';
const PLAIN_HAS_NO_TOKENS = 'an answer in one piece has no events: the fault spoils the whole of it';
const PLAIN_HAS_NO_END = 'an answer in one piece has no terminal event';
const AT_THE_END = 'it is the end of a stream that is missing, after all tokens';

const OWN_ADDITION = 'it refuses what the gateway has added itself and then leaves out: attempts.int.test.ts has it';

const unseen = (cause: Cause, begun = false): Expected => ({ kind: 'unseen', cause, begun });
const broken = (cause: 'reset' | 'timeout' | 'truncated' | 'error_event', how: object = {}): Expected => ({
  kind: 'broken',
  cause,
  ...how,
});

/** Before any byte of an answer, or as the answer. */
function instead(fault: FaultInput, cause: Cause): Strike {
  return (moment, { dialect, stream, asksUsage }) => {
    if (moment !== 'before the headers') return HEAD_ONLY;
    const adds = dialect === 'openai' && stream && !asksUsage;
    if (adds && fault === 'openai-unknown-stream-options') return OWN_ADDITION;
    return { fault, expected: unseen(cause), ...(cause === 'timeout' ? { slow: true } : {}) };
  };
}

/** Where it strikes: a plain answer is a number of bytes, half of them unless it says otherwise. */
function after(
  moment: Moment,
  { stream }: Way,
): { readonly after?: { readonly tokens: number } | { readonly bytes: number } } {
  if (stream) return { after: { tokens: moment === 'in the middle' ? 5 : 0 } };
  return moment === 'in the middle' ? {} : { after: { bytes: 1 } };
}

function cut(how: 'rst' | 'fin' | 'end'): Strike {
  return (moment, way) => {
    if (moment === 'before the headers') return BODY_ONLY;
    const middle = moment === 'in the middle';
    const fault: FaultInput = { kind: 'cut', how, ...after(moment, way) };
    if (!way.stream) {
      // its length was announced, and the connection stays open
      if (how === 'end') return { fault, expected: unseen('timeout', true), slow: true };
      return { fault, expected: unseen('reset', true) };
    }
    const cause = how === 'end' ? 'truncated' : 'reset';
    return { fault, expected: middle ? broken(cause) : unseen(cause) };
  };
}

function stall(forMs: number | null): Strike {
  return (moment, way) => {
    if (moment === 'before the headers') return BODY_ONLY;
    const fault: FaultInput = { kind: 'stall', forMs, ...after(moment, way) };
    if (forMs !== null) return { fault, expected: { kind: 'whole' } };
    const expected = way.stream && moment === 'in the middle' ? broken('timeout') : unseen('timeout', !way.stream);
    return { fault, expected, slow: true };
  };
}

const malformed: Strike = (moment, { stream }) => {
  if (moment === 'before the headers') return BODY_ONLY;
  const middle = moment === 'in the middle';
  if (stream) return { fault: { kind: 'malformed', after: { tokens: middle ? 5 : 0 } }, expected: { kind: 'whole' } };
  return middle ? { fault: 'malformed', expected: unseen('malformed', true) } : PLAIN_HAS_NO_TOKENS;
};

const ENDINGS = ['end', 'fin', 'rst', 'stall', 'continue'] as const;
type Ending = (typeof ENDINGS)[number];

/** What ends it for the router: it hears no more of a stream that has told of an error but its end. */
const BROKEN_BY: Readonly<Record<Ending, 'reset' | 'timeout' | 'error_event'>> = {
  end: 'error_event',
  continue: 'error_event',
  fin: 'reset',
  rst: 'reset',
  stall: 'timeout',
};

function errorEvent(ending: Ending): Strike {
  return (moment, { stream }) => {
    if (moment === 'before the headers') return BODY_ONLY;
    const middle = moment === 'in the middle';
    const fault: FaultInput = { kind: 'error-event', ending, after: { tokens: middle ? 5 : 0 } };
    if (!stream) return middle ? { fault, expected: unseen('upstream_error') } : PLAIN_HAS_NO_TOKENS;
    if (!middle) return { fault, expected: unseen('upstream_error') };
    const cause = BROKEN_BY[ending];
    const expected = broken(cause, { toldByUpstream: true, counted: ending === 'continue' });
    return { fault, expected, ...(cause === 'timeout' ? { slow: true } : {}) };
  };
}

const noTerminal: Strike = (moment, { dialect, stream }) => {
  if (!stream) return PLAIN_HAS_NO_END;
  if (moment !== 'in the middle') return AT_THE_END;
  // an OpenAI stream is known to be whole by its finish_reason
  const expected: Expected = dialect === 'openai' ? { kind: 'whole' } : broken('truncated', { counted: true });
  return { fault: 'no-terminal', expected };
};

const OF_KIND: Readonly<Record<PlainFault, Readonly<Record<string, Strike>>>> = {
  reset: { reset: instead('reset', 'reset') },
  close: { close: instead('close', 'reset') },
  silence: { silence: instead('silence', 'timeout') },
  cut: { 'cut by rst': cut('rst'), 'cut by fin': cut('fin'), 'cut by end': cut('end') },
  stall: { 'stall for good': stall(null), 'stall for a while': stall(60) },
  malformed: { malformed },
  'error-event': Object.fromEntries(ENDINGS.map((ending) => [`error event, then ${ending}`, errorEvent(ending)])),
  'no-terminal': { 'no terminal event': noTerminal },
};

/** Every fault that the fake upstream has. */
export const FAULTS: ReadonlyMap<string, Strike> = new Map([
  ...STATUSES.map((status) => [`status ${status}`, instead(status, OF_STATUS[status])] as const),
  ...ERROR_NAMES.map((name) => [name, instead(name, OF_ERROR[name])] as const),
  ...Object.values(OF_KIND).flatMap((strikes) => Object.entries(strikes)),
]);
