/** What went wrong, in the words that services share; transports translate it at their edge. */
export const ERROR_CODES = [
  'invalid_argument',
  'unauthenticated',
  'permission_denied',
  'not_found',
  'already_exists',
  'failed_precondition',
  'not_owner',
  'exhausted',
  'unavailable',
  'deadline_exceeded',
  'cancelled',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether the same call may succeed later without anything being changed by the caller. */
export const IS_TRANSIENT: Record<ErrorCode, boolean> = {
  invalid_argument: false,
  unauthenticated: false,
  permission_denied: false,
  not_found: false,
  already_exists: false,
  failed_precondition: false,
  not_owner: true,
  exhausted: true,
  unavailable: true,
  deadline_exceeded: true,
  cancelled: false,
  internal: false,
};

/** HTTP status of each code, for listeners that speak no dialect. */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 412,
  not_owner: 421,
  exhausted: 429,
  unavailable: 503,
  deadline_exceeded: 504,
  cancelled: 499,
  internal: 500,
};

export function isErrorCode(value: string): value is ErrorCode {
  return ERROR_CODES.some((code) => code === value);
}
