import { countMember, objectMember, parseJsonObject, textMember } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { SseEvent } from '../sse/sse-scanner.ts';
import { anthropicUsageReport, mergeAnthropicUsage, parseAnthropicUsage } from '../usage/anthropic-usage.ts';
import type { AnthropicUsage } from '../usage/anthropic-usage.ts';
import type { UsageReport } from '../usage/token-buckets.ts';
import { DeltaProbe } from './delta-probe.ts';
import { StreamObserver } from './stream-observer.ts';

const CONTENT_BLOCK_DELTA = Buffer.from('content_block_delta');
/** An empty text or thinking block is smaller; a larger start carries a result, which is content. */
const EMPTY_BLOCK_BYTES = 512;

const KEYS = [
  { name: 'text', depth: 2, role: 'content' },
  { name: 'thinking', depth: 2, role: 'content' },
  { name: 'partial_json', depth: 2, role: 'content' },
] as const;

/** Observes the events of one message. */
export class AnthropicObserver extends StreamObserver {
  readonly #probe = new DeltaProbe(KEYS);
  #usage: AnthropicUsage | undefined = undefined;
  #outputIsFinal = false;

  get complete(): boolean {
    return this.error === undefined && this.terminalSeen;
  }

  get usage(): UsageReport | undefined {
    return anthropicUsageReport(this.#usage, this.#outputIsFinal);
  }

  onEvent(event: Readonly<SseEvent>): void {
    if (event.oversized) {
      this.oversizedEvents++;
      return;
    }
    const { bytes, nameStart, nameEnd, dataStart, dataEnd } = event;
    if (isContentDelta(bytes, nameStart, nameEnd)) {
      this.#probe.walk(bytes, dataStart, dataEnd);
      if (!this.#probe.balanced) this.malformedEvents++;
      else if (this.#probe.contentBytes > 0) {
        this.contentSeen = true;
        this.contentDeltas++;
        this.contentBytes += this.#probe.contentBytes;
      }
      return;
    }
    const name = bytes.toString('latin1', nameStart, nameEnd);
    if (name === 'ping' || name === 'content_block_stop') return;
    if (name === 'content_block_start' && dataEnd - dataStart > EMPTY_BLOCK_BYTES) {
      this.contentSeen = true;
      return;
    }
    const data = parseJsonObject(bytes.toString('utf8', dataStart, dataEnd));
    if (data === undefined) this.malformedEvents++;
    else this.#read(name, data, event.terminated);
  }

  #read(name: string, data: JsonObject, terminated: boolean): void {
    // Some upstreams leave the event line out; clients ignore such events, but the numbers in them are real.
    switch (name === '' ? textMember(data, 'type') : name) {
      case 'message_start': {
        const message = objectMember(data, 'message');
        this.model ??= textMember(message, 'model');
        this.#readUsage(message);
        break;
      }
      case 'message_delta':
        this.finishReason = textMember(objectMember(data, 'delta'), 'stop_reason') ?? this.finishReason;
        this.#readUsage(data);
        this.#outputIsFinal ||= countMember(objectMember(data, 'usage'), 'output_tokens') !== undefined;
        break;
      case 'message_stop':
        this.terminalSeen ||= terminated && name !== '';
        break;
      case 'content_block_start':
        this.contentSeen ||= isContentBlock(objectMember(data, 'content_block'));
        break;
      case 'content_block_delta':
        this.#countUnnamed(data);
        break;
      case 'error':
        this.recordError(data);
        break;
      default:
        if (objectMember(data, 'error') !== undefined) this.recordError(data);
    }
  }

  #readUsage(holder: JsonObject | undefined): void {
    const usage = objectMember(holder, 'usage');
    if (usage === undefined) return;
    this.serviceTier = textMember(usage, 'service_tier') ?? this.serviceTier;
    this.#usage = mergeAnthropicUsage(this.#usage, parseAnthropicUsage(usage));
  }

  #countUnnamed(data: JsonObject): void {
    const delta = objectMember(data, 'delta');
    const text = textMember(delta, 'text') ?? textMember(delta, 'thinking') ?? textMember(delta, 'partial_json') ?? '';
    if (text === '') return;
    this.contentSeen = true;
    this.contentDeltas++;
    this.contentBytes += Buffer.byteLength(text);
  }
}

/** The event that comes most often, told apart without a string. */
function isContentDelta(bytes: Buffer, nameStart: number, nameEnd: number): boolean {
  if (nameEnd - nameStart !== CONTENT_BLOCK_DELTA.length) return false;
  for (let i = CONTENT_BLOCK_DELTA.length - 1; i >= 0; i--) {
    if (bytes[nameStart + i] !== CONTENT_BLOCK_DELTA[i]) return false;
  }
  return true;
}

/** A text or thinking block begins empty; every other block says something by being there. */
function isContentBlock(block: JsonObject | undefined): boolean {
  const type = textMember(block, 'type');
  if (type === 'text') return (textMember(block, 'text') ?? '') !== '';
  if (type === 'thinking') return (textMember(block, 'thinking') ?? '') !== '';
  return block !== undefined;
}
