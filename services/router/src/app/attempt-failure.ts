import { redact, type GatewayErrorKind, type UpstreamCause, type UpstreamFault } from '@omg/llm-wire';
import type { FailureCause } from '../domain/retry-policy.ts';
import { GatewayFailure } from './gateway-failure.ts';
import type { Lease, LeaseCause, LeaseVerdict } from './lease-broker.ts';
import type { UpstreamError, UpstreamFault as TransportFault } from './upstream.ts';

/** What an attempt failed of, by the name that the books have for it. */
export type FailureName =
  | UpstreamCause
  | Exclude<TransportFault, 'aborted'>
  /** The request's whole time was over. */
  | 'deadline'
  | 'lease_cut'
  /** A stream that ended without its end. */
  | 'truncated'
  /** What the gateway asks for on its own account is not taken; without it the request may be. */
  | 'usage_option'
  /** An answer in one piece that is no JSON object. */
  | 'malformed';

/** Why an attempt gave the client nothing. */
export interface AttemptFailure {
  readonly name: FailureName;
  /** Of the upstream's answer; 0 where there was none. */
  readonly status: number;
  readonly providerRequestId: string;
  /** What the upstream said of it, if it said anything. */
  readonly fault?: UpstreamFault;
  readonly error?: unknown;
}

interface Meaning {
  readonly retry: FailureCause;
  readonly verdict: LeaseCause;
  /** What the client is told when it was the last. */
  readonly answer: GatewayErrorKind;
}

const MEANINGS: Readonly<Record<FailureName, Meaning>> = {
  auth: { retry: 'auth', verdict: 'auth', answer: 'no_key_available' },
  quota: { retry: 'quota', verdict: 'quota', answer: 'no_key_available' },
  ban: { retry: 'ban', verdict: 'ban', answer: 'no_key_available' },
  model_denied: { retry: 'model_denied', verdict: 'model_denied', answer: 'no_key_available' },
  rate_limited: { retry: 'rate_limited', verdict: 'rate_limited', answer: 'no_key_available' },
  unattributed_403: { retry: 'unattributed_403', verdict: 'unattributed_403', answer: 'upstream_failed' },
  upstream_error: { retry: 'upstream_error', verdict: 'upstream_error', answer: 'upstream_failed' },
  // answered in the upstream's own words
  request_fault: { retry: 'request_fault', verdict: 'request_fault', answer: 'bad_request' },
  usage_option: { retry: 'request_fault', verdict: 'request_fault', answer: 'upstream_failed' },
  connect: { retry: 'connection', verdict: 'connection', answer: 'upstream_failed' },
  reset: { retry: 'connection', verdict: 'connection', answer: 'upstream_failed' },
  timeout: { retry: 'timeout', verdict: 'timeout', answer: 'upstream_timeout' },
  proxy: { retry: 'proxy_error', verdict: 'proxy_error', answer: 'upstream_failed' },
  // may have been short of time by the attempts before it: nobody's fault
  deadline: { retry: 'timeout', verdict: 'cancelled', answer: 'upstream_timeout' },
  lease_cut: { retry: 'cut', verdict: 'cancelled', answer: 'no_key_available' },
  truncated: { retry: 'upstream_error', verdict: 'upstream_error', answer: 'upstream_failed' },
  malformed: { retry: 'upstream_error', verdict: 'upstream_error', answer: 'upstream_failed' },
};

export function causeOf({ name }: AttemptFailure): FailureCause {
  return MEANINGS[name].retry;
}

const MAX_MESSAGE_LENGTH = 512;
/** A secret is taken out before the rest is cut, else a part of it could stay. */
const MAX_READ_LENGTH = 8_192;

/** What the broker is told of a failed attempt. */
export function verdictOf({ name, status, fault, error }: AttemptFailure, lease: Lease, model: string): LeaseVerdict {
  const message = fault?.error.message ?? (error instanceof Error ? error.message : undefined);
  const words = [fault?.error.type, fault?.error.code].filter((word) => word !== undefined);
  return {
    cause: MEANINGS[name].verdict,
    model,
    ...(status === 0 ? {} : { status }),
    ...(fault?.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs }),
    ...(message === undefined
      ? {}
      : {
          message: redact(message.slice(0, MAX_READ_LENGTH), { secrets: [lease.secret] }).slice(0, MAX_MESSAGE_LENGTH),
        }),
    ...(words.length === 0 ? {} : { errorWords: words }),
  };
}

const MIN_RETRY_AFTER_MS = 1_000;

/** What the client is told when there is no key to try (any more). */
export function noKeyAvailable(retryAfterMs: number | undefined, cause?: unknown): GatewayFailure {
  return new GatewayFailure('no_key_available', 'no upstream key is available at the moment, please try again', {
    retryAfterMs: Math.max(retryAfterMs ?? 0, MIN_RETRY_AFTER_MS),
    cause,
  });
}

/**
 * What the client is told when no attempt was left after this one.
 *
 * @param refusedForMs when the broker would have had a key again
 */
export function toGatewayFailure({ name, fault, error }: AttemptFailure, refusedForMs?: number): GatewayFailure {
  const { answer } = MEANINGS[name];
  if (answer === 'no_key_available') return noKeyAvailable(fault?.retryAfterMs ?? refusedForMs, error);
  const message =
    answer === 'upstream_timeout'
      ? 'the upstream did not answer in time'
      : 'the upstream could not be reached or failed to answer';
  return new GatewayFailure(answer, message, { cause: error });
}

/** What ends an attempt whose first token does not come in time. */
export interface Late {
  readonly aborted: boolean;
  readonly abort: () => void;
}

export interface Interrupters {
  readonly clientGone: AbortSignal;
  readonly cut: AbortSignal;
  /** The first token did not come in time. */
  readonly late?: Pick<Late, 'aborted'>;
}

/** Who ended an exchange that did not come to its end. */
export function interruptionOf({ fault }: UpstreamError, by: Interrupters): FailureName | 'client_gone' {
  if (fault !== 'aborted') return fault;
  if (by.clientGone.aborted) return 'client_gone';
  if (by.cut.aborted) return 'lease_cut';
  return by.late?.aborted === true ? 'timeout' : 'deadline';
}
