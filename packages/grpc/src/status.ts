import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { OmgError, isErrorCode, type ErrorCode } from '@omg/errors';
import { z } from 'zod';

const STATUS: Record<ErrorCode, status> = {
  invalid_argument: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  permission_denied: status.PERMISSION_DENIED,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  failed_precondition: status.FAILED_PRECONDITION,
  not_owner: status.FAILED_PRECONDITION,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  internal: status.INTERNAL,
};

// for servers that do not send our details; several codes share a status, the plainest one stands for it
const CODE: Partial<Record<status, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'invalid_argument',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'permission_denied',
  [status.NOT_FOUND]: 'not_found',
  [status.ALREADY_EXISTS]: 'already_exists',
  [status.FAILED_PRECONDITION]: 'failed_precondition',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.UNAVAILABLE]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'deadline_exceeded',
  [status.CANCELLED]: 'cancelled',
};

const DETAILS_KEY = 'omg-error-bin';
const Details = z.object({ code: z.string(), details: z.record(z.string(), z.string()) });

/** What goes over the wire for an error: its code, its message, its details; never its cause. */
export function toStatus(error: OmgError): Partial<StatusObject> {
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, Buffer.from(JSON.stringify({ code: error.code, details: error.details })));
  return { code: STATUS[error.code], details: error.message, metadata };
}

/** The error that the server threw, as far as it crossed the wire. */
export function fromServiceError(error: ServiceError, what: string): OmgError {
  const sent = readDetails(error.metadata);
  const code = sent?.code ?? CODE[error.code] ?? 'internal';
  return new OmgError(code, `${what}: ${error.details}`, {
    cause: error,
    ...(sent === undefined ? {} : { details: sent.details }),
  });
}

function readDetails(metadata: Metadata | undefined): { code: ErrorCode; details: Record<string, string> } | undefined {
  const raw = metadata?.get(DETAILS_KEY)[0];
  if (!Buffer.isBuffer(raw)) return undefined;
  try {
    const { code, details } = Details.parse(JSON.parse(raw.toString('utf8')));
    return isErrorCode(code) ? { code, details } : undefined;
  } catch {
    return undefined;
  }
}
