import type { HeaderSource } from '../headers/header-source.ts';
import { parseJsonObject } from '../json-object.ts';
import { verdictByBroadType, verdictByMessage, verdictByStatus, verdictByWord } from './error-words.ts';
import type { RequestFaultKind, UpstreamCause } from './error-words.ts';
import { readRetryAfterMs } from './retry-after.ts';
import { parseWireError } from './wire-error.ts';
import type { WireError } from './wire-error.ts';

/** No error that explains itself is longer. */
const MAX_READ_BYTES = 64 * 1024;
const MAX_MESSAGE_LENGTH = 4096;

interface FaultContext {
  /** Of the upstream's answer; 0 inside a stream. */
  readonly status: number;
  readonly error: WireError;
  /** Not an API's answer, but that of something on the way. */
  readonly isHtml: boolean;
  /** How long the upstream asks to wait. */
  readonly retryAfterMs: number | undefined;
}

/** What an upstream's error means. */
export type UpstreamFault = FaultContext &
  (
    | { readonly cause: Exclude<UpstreamCause, 'request_fault'> }
    /** No other key would make it better. */
    | { readonly cause: 'request_fault'; readonly fault: RequestFaultKind }
  );

export interface UpstreamErrorAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly headers?: HeaderSource;
  readonly nowMs: number;
}

/** Classifies an answer that is no success: by type or code, else by the message, else by the status. */
export function classifyUpstreamError(answer: UpstreamErrorAnswer): UpstreamFault {
  const { status, contentType, body, headers, nowMs } = answer;
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, MAX_READ_BYTES)).toString('utf8').trim();
  const isHtml = /\bhtml\b/i.test(contentType ?? '') || text.startsWith('<');
  const retryAfterMs = headers === undefined ? undefined : readRetryAfterMs(headers, nowMs);
  return classify({ status, error: readError(text, isHtml), isHtml, retryAfterMs });
}

/** Classifies an error event, which has no status but for a number that some put into its code. */
export function classifyStreamError(error: WireError): UpstreamFault {
  const code = Number(error.code);
  return classify({ status: code >= 400 && code < 600 ? code : 0, error, isHtml: false, retryAfterMs: undefined });
}

function classify(context: FaultContext): UpstreamFault {
  const { status, error, isHtml } = context;
  const verdict =
    verdictByWord(error.code) ??
    verdictByWord(error.type) ??
    verdictByMessage(error.message?.slice(0, MAX_MESSAGE_LENGTH), status) ??
    verdictByBroadType(error.type, status) ??
    verdictByStatus(status, isHtml);
  return { ...context, ...verdict };
}

function readError(text: string, isHtml: boolean): WireError {
  const json = isHtml ? undefined : parseJsonObject(text);
  if (json !== undefined) return parseWireError(json);
  return { type: undefined, code: undefined, param: undefined, message: isHtml || text === '' ? undefined : text };
}
