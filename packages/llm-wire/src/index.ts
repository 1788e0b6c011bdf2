export type { Dialect } from './dialect.ts';

export { SseScanner } from './sse/sse-scanner.ts';
export type { SseEvent, SseSink } from './sse/sse-scanner.ts';
export { heartbeat } from './sse/heartbeat.ts';

export { createStreamObserver } from './stream/create-stream-observer.ts';
export type { StreamObserver } from './stream/stream-observer.ts';
export { StreamTap } from './stream/stream-tap.ts';
export type { Emit, StreamTapOptions } from './stream/stream-tap.ts';

export { readResponseUsage } from './usage/read-response-usage.ts';
export type { ResponseReport } from './usage/read-response-usage.ts';
export { inputTotal } from './usage/token-buckets.ts';
export type { TokenBuckets, UsageFault, UsagePart, UsageReport } from './usage/token-buckets.ts';

export { scanRequest } from './request/scan-request.ts';
export type { RequestFault, RequestScan, RequestScanResult, StreamOptionsScan } from './request/scan-request.ts';
export type { ByteRange, JsonFaultReason } from './request/json-cursor.ts';
export { rewriteRequest } from './request/rewrite-request.ts';
export type { RequestChanges } from './request/rewrite-request.ts';

export { classifyStreamError, classifyUpstreamError } from './errors/classify-upstream-error.ts';
export type { UpstreamErrorAnswer, UpstreamFault } from './errors/classify-upstream-error.ts';
export type { RequestFaultKind, UpstreamCause } from './errors/error-words.ts';
export { readRetryAfterMs } from './errors/retry-after.ts';
export type { WireError } from './errors/wire-error.ts';
export { gatewayErrors } from './errors/gateway-errors.ts';
export type { GatewayErrorKind, GatewayErrorSpec } from './errors/gateway-errors.ts';
export { errorAnswer, errorBody, errorEvent, requestIdHeaders } from './errors/error-answer.ts';
export type { ErrorAnswer, ErrorDetails } from './errors/error-answer.ts';
export { gatewayKindOfCause, sanitiseUpstreamError } from './errors/sanitise-upstream-error.ts';
export type { SanitiseOptions } from './errors/sanitise-upstream-error.ts';
export { redact } from './errors/redact.ts';
export type { Hidden } from './errors/redact.ts';

export { clientResponseHeaders, providerRequestId } from './headers/client-response-headers.ts';
export { acceptsCoding, contentCoding } from './headers/content-coding.ts';
export type { ContentCoding } from './headers/content-coding.ts';
export { presentedKey } from './headers/presented-key.ts';
export { presentedSession } from './headers/presented-session.ts';
export { upstreamRequestHeaders } from './headers/upstream-request-headers.ts';
export type { UpstreamHeaderOptions } from './headers/upstream-request-headers.ts';
export { headerValue } from './headers/header-source.ts';
export type { HeaderSource } from './headers/header-source.ts';
