import { parseWireError } from '../errors/wire-error.ts';
import type { WireError } from '../errors/wire-error.ts';
import type { JsonObject } from '../json-object.ts';
import type { SseEvent, SseSink } from '../sse/sse-scanner.ts';
import type { UsageReport } from '../usage/token-buckets.ts';

/** What one stream has shown so far. Fields are the observer's to write and everyone's to read. */
export abstract class StreamObserver implements SseSink {
  /** Events with content that the client is given: there is always a number, whatever the provider reports. */
  contentDeltas = 0;
  /** Bytes of that content as they are on the wire, escapes included, framing not. */
  contentBytes = 0;
  /** The model has begun to answer. From here on a failed attempt has cost something. */
  contentSeen = false;
  malformedEvents = 0;
  oversizedEvents = 0;
  finishReason: string | undefined = undefined;
  model: string | undefined = undefined;
  serviceTier: string | undefined = undefined;
  error: WireError | undefined = undefined;
  errorBeforeContent = false;
  /** The dialect's own last event came: `[DONE]` or `message_stop`. */
  terminalSeen = false;
  /** The event that was just observed is the chunk that only `stream_options.include_usage` causes. */
  isUsageChunk = false;

  abstract onEvent(event: Readonly<SseEvent>): void;

  /** The answer is whole. Without this, a stream that ended is one that was cut. */
  abstract readonly complete: boolean;

  /** The provider's numbers so far. */
  abstract readonly usage: UsageReport | undefined;

  protected recordError(event: JsonObject): void {
    this.error ??= parseWireError(event);
    this.errorBeforeContent ||= !this.contentSeen;
  }
}
