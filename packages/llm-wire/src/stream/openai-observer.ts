import { arrayMember, isJsonObject, objectMember, parseJsonObject, textMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { SseEvent } from '../sse/sse-scanner.ts';
import { mergeOpenAiUsage, openAiUsageReport, parseOpenAiUsage } from '../usage/openai-usage.ts';
import type { OpenAiUsage } from '../usage/openai-usage.ts';
import type { UsageReport } from '../usage/token-buckets.ts';
import { DeltaProbe } from './delta-probe.ts';
import { StreamObserver } from './stream-observer.ts';

const ERROR = 'error';
const DONE = Buffer.from('[DONE]');

/** `choices[].delta` stands at depth 4, a tool call's `function` at 7. */
export const OPENAI_PROBE_KEYS = [
  { name: 'usage', depth: 1, role: 'notable' },
  { name: 'error', depth: 1, role: 'notable' },
  { name: 'finish_reason', depth: 3, role: 'notable' },
  { name: 'text', depth: 3, role: 'content' },
  { name: 'content', depth: 4, role: 'content' },
  { name: 'reasoning_content', depth: 4, role: 'content' },
  { name: 'reasoning', depth: 4, role: 'content' },
  { name: 'refusal', depth: 4, role: 'content' },
  { name: 'arguments', depth: 7, role: 'content' },
  { name: 'name', depth: 7, role: 'content' },
  { name: 'input', depth: 7, role: 'content' },
  { name: 'arguments', depth: 5, role: 'content' },
  { name: 'data', depth: 5, role: 'content' },
  { name: 'transcript', depth: 5, role: 'content' },
] as const;

/** Observes a stream of `chat.completion.chunk`s. */
export class OpenAiObserver extends StreamObserver {
  readonly #choices: number;
  readonly #probe = new DeltaProbe(OPENAI_PROBE_KEYS);
  readonly #finished = new Set<unknown>();
  #usage: OpenAiUsage | undefined = undefined;
  #headSeen = false;

  /** @param choices the request's `n`: each of them has to finish */
  constructor(choices = 1) {
    super();
    this.#choices = choices;
  }

  /** Several upstreams leave out `[DONE]`. */
  get complete(): boolean {
    return this.error === undefined && (this.terminalSeen || this.#finished.size >= this.#choices);
  }

  get usage(): UsageReport | undefined {
    return openAiUsageReport(this.#usage);
  }

  onEvent(event: Readonly<SseEvent>): void {
    this.isUsageChunk = false;
    if (event.oversized) {
      this.oversizedEvents++;
      return;
    }
    const { bytes, dataStart, dataEnd } = event;
    if (dataStart === dataEnd) return;
    if (bytes[dataStart] === DONE[0] && bytes.compare(DONE, 0, DONE.length, dataStart, dataEnd) === 0) {
      this.terminalSeen ||= event.terminated;
      return;
    }
    const probe = this.#probe;
    probe.walk(bytes, dataStart, dataEnd);
    if (!probe.balanced) {
      this.malformedEvents++;
      return;
    }
    if (probe.contentBytes > 0) {
      this.contentSeen = true;
      this.contentDeltas++;
      this.contentBytes += probe.contentBytes;
    }
    // The head names the model, and an error may be marked by its event's name alone.
    const isHead = !this.#headSeen;
    this.#headSeen = true;
    if (probe.notable || isHead || event.nameEnd - event.nameStart === ERROR.length) this.#read(event);
  }

  #read(event: Readonly<SseEvent>): void {
    const chunk = parseJsonObject(event.bytes.toString('utf8', event.dataStart, event.dataEnd));
    if (chunk === undefined) {
      this.malformedEvents++;
      return;
    }
    if ((chunk['error'] ?? undefined) !== undefined || isNamedError(event)) this.recordError(chunk);
    this.model ??= textMember(chunk, 'model');
    this.serviceTier = textMember(chunk, 'service_tier') ?? this.serviceTier;
    const choices = arrayMember(chunk, 'choices');
    // The client never sees the end of an event whose empty line is missing, but its numbers are the provider's.
    if (event.terminated) this.#readFinish(choices);
    const usage = objectMember(chunk, 'usage');
    if (usage === undefined) return;
    this.#usage = mergeOpenAiUsage(this.#usage, parseOpenAiUsage(usage));
    this.isUsageChunk = isBareUsageChunk(chunk, choices);
  }

  #readFinish(choices: readonly unknown[]): void {
    for (const choice of choices) {
      if (!isJsonObject(choice)) continue;
      const reason = textMember(choice, 'finish_reason');
      if (reason === undefined) continue;
      this.finishReason = reason;
      this.#finished.add(choice['index']);
    }
  }
}

function isNamedError(event: Readonly<SseEvent>): boolean {
  return event.bytes.toString('latin1', event.nameStart, event.nameEnd) === ERROR;
}

function isBareUsageChunk(chunk: JsonObject, choices: readonly unknown[]): boolean {
  return Array.isArray(chunk['choices']) && choices.length === 0 && !('moderation' in chunk);
}
