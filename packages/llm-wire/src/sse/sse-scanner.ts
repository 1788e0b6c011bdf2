import { ByteAccumulator } from './byte-accumulator.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DEFAULT_MAX_EVENT_BYTES = 4 * 1024 * 1024;

/** One event of a stream. The scanner reuses the object and `bytes`: both are valid only while the sink runs. */
export interface SseEvent {
  /** Holds the ranges of name and data; several data lines are joined by LF. */
  bytes: Buffer;
  nameStart: number;
  nameEnd: number;
  dataStart: number;
  dataEnd: number;
  /** Where the event lies in the stream, its closing empty line included. */
  startOffset: number;
  endOffset: number;
  /** Larger than the bound: name and data are empty, even those of a comment. */
  oversized: boolean;
  /** The empty line was there. False only for what was left when the stream ended. */
  terminated: boolean;
}

export interface SseSink {
  /** Runs for each event that has a name or data; not for comments. */
  onEvent(event: Readonly<SseEvent>): void;
}

/**
 * Finds the events in a stream of bytes, however it is split into chunks: LF, CRLF and CR, a leading BOM, comments,
 * a missing space after the colon, several data lines. Bytes of an event are copied only when it spans chunks.
 */
export class SseScanner {
  readonly #sink: SseSink;
  readonly #maxEventBytes: number;
  readonly #event: SseEvent = {
    bytes: Buffer.alloc(0),
    nameStart: 0,
    nameEnd: 0,
    dataStart: 0,
    dataEnd: 0,
    startOffset: 0,
    endOffset: 0,
    oversized: false,
    terminated: true,
  };
  readonly #pending = new ByteAccumulator();
  /** An event has begun and its empty line was not seen yet. */
  #open = false;
  #overflowing = false;
  #atLineStart = true;
  #afterCr = false;
  #offset = 0;
  #boundary = 0;

  constructor(sink: SseSink, options: { readonly maxEventBytes?: number } = {}) {
    this.#sink = sink;
    this.#maxEventBytes = options.maxEventBytes ?? DEFAULT_MAX_EVENT_BYTES;
  }

  /** Bytes seen so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the last complete event ended. */
  get boundaryOffset(): number {
    return this.#boundary;
  }

  /** Something may be inserted into the stream here. */
  get atBoundary(): boolean {
    return !this.#open;
  }

  /** The event that is open has grown beyond the bound. */
  get overflowing(): boolean {
    return this.#overflowing;
  }

  /** The bytes so far end in a CR: an LF that comes next belongs to what it ended. */
  get afterCr(): boolean {
    return this.#afterCr;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // Buffer's indexOf is several times as fast as that of Uint8Array.
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const base = this.#offset;
    this.#offset = base + bytes.length;

    let position = 0;
    if (this.#open) {
      position = this.#resume(bytes, base);
      if (position === -1) return;
    } else if (this.#afterCr && bytes[0] === LF) {
      position = 1;
      this.#boundary = base + 1;
    }
    position = this.#scan(bytes, position, base);
    this.#open = position < bytes.length;
    this.#leave(bytes);
    if (this.#open) this.#keep(bytes, position);
  }

  /** The stream is over: an event without its empty line is handed over as not terminated. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    const start = this.#boundary;
    if (this.#overflowing) this.#emitOversized(start, this.#offset, false);
    else {
      // With an empty line added it is an event like any other.
      this.#pending.append(CLOSING, 0, CLOSING.length);
      this.#event.terminated = false;
      this.#scan(this.#pending.view(), 0, start);
      this.#event.terminated = true;
    }
    this.#pending.clear();
    this.#overflowing = false;
    this.#boundary = this.#offset;
  }

  /** Continues an event that began in an earlier chunk; answers where it ended in this one, or -1. */
  #resume(bytes: Buffer, base: number): number {
    const end = this.#findEnd(bytes);
    if (end === -1) {
      this.#leave(bytes);
      this.#keep(bytes, 0);
      return -1;
    }
    const start = this.#boundary;
    if (this.#overflowing || base + end - start > this.#maxEventBytes) this.#emitOversized(start, base + end, true);
    else {
      this.#pending.append(bytes, 0, end);
      this.#scan(this.#pending.view(), 0, start);
    }
    this.#boundary = base + end;
    this.#pending.clear();
    this.#overflowing = false;
    return end;
  }

  #keep(bytes: Buffer, from: number): void {
    if (this.#overflowing) return;
    if (this.#pending.length + bytes.length - from > this.#maxEventBytes) {
      this.#overflowing = true;
      this.#pending.clear();
      return;
    }
    this.#pending.append(bytes, from, bytes.length);
  }

  /** Remembers how the chunk ended, for the one that comes next. */
  #leave(bytes: Buffer): void {
    const last = bytes[bytes.length - 1];
    this.#afterCr = last === CR;
    this.#atLineStart = last === LF || last === CR;
  }

  #findEnd(bytes: Buffer): number {
    let position = this.#afterCr && bytes[0] === LF ? 1 : 0;
    let atLineStart = this.#atLineStart;
    while (position < bytes.length) {
      const byte = bytes[position];
      if (byte === LF || byte === CR) {
        position += byte === CR && bytes[position + 1] === LF ? 2 : 1;
        if (atLineStart) return position;
        atLineStart = true;
      } else {
        atLineStart = false;
        position = Math.min(indexOrEnd(bytes, LF, position), indexOrEnd(bytes, CR, position));
      }
    }
    return -1;
  }

  /** Hands over every complete event from `from` on; answers where the incomplete one begins. */
  #scan(bytes: Buffer, from: number, base: number): number {
    const length = bytes.length;
    const event = this.#event;
    let nextCr = indexOrEnd(bytes, CR, from);
    let nextLf = from - 1;
    let eventStart = from;
    let lineStart = from;
    let nameStart = 0;
    let nameEnd = 0;
    let dataStart = -1;
    let dataEnd = -1;
    let moreData: number[] | undefined;

    while (lineStart < length) {
      const first = bytes[lineStart];
      if (first === LF || first === CR) {
        lineStart += first === CR && bytes[lineStart + 1] === LF ? 2 : 1;
        if (lineStart - eventStart > this.#maxEventBytes) {
          this.#emitOversized(base + eventStart, Math.min(base + lineStart, this.#offset), event.terminated);
        } else if (dataStart !== -1 || nameEnd > nameStart) {
          event.bytes = bytes;
          event.nameStart = nameStart;
          event.nameEnd = nameEnd;
          event.dataStart = dataStart === -1 ? 0 : dataStart;
          event.dataEnd = dataStart === -1 ? 0 : dataEnd;
          event.startOffset = base + eventStart;
          event.endOffset = Math.min(base + lineStart, this.#offset);
          if (moreData !== undefined) joinLines(event, moreData);
          this.#sink.onEvent(event);
        }
        nameStart = nameEnd = 0;
        dataStart = dataEnd = -1;
        moreData = undefined;
        eventStart = lineStart;
        continue;
      }

      if (nextLf < lineStart) nextLf = indexOrEnd(bytes, LF, lineStart);
      if (nextCr < lineStart) nextCr = indexOrEnd(bytes, CR, lineStart);
      const end = nextCr < nextLf ? nextCr : nextLf;
      if (end === length) break;

      let field = lineStart;
      if (base + lineStart === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) field = 3;
      if (isField(bytes, field, end, DATA)) {
        const start = valueStart(bytes, field + DATA.length, end);
        if (dataStart === -1) {
          dataStart = start;
          dataEnd = end;
        } else (moreData ??= []).push(start, end);
      } else if (isField(bytes, field, end, EVENT)) {
        nameStart = valueStart(bytes, field + EVENT.length, end);
        nameEnd = end;
      }
      lineStart = end + (bytes[end] === CR && bytes[end + 1] === LF ? 2 : 1);
    }
    this.#boundary = base + eventStart;
    return eventStart;
  }

  #emitOversized(startOffset: number, endOffset: number, terminated: boolean): void {
    const event = this.#event;
    event.bytes = EMPTY;
    event.nameStart = event.nameEnd = event.dataStart = event.dataEnd = 0;
    event.startOffset = startOffset;
    event.endOffset = endOffset;
    event.oversized = true;
    const was = event.terminated;
    event.terminated = terminated;
    this.#sink.onEvent(event);
    event.terminated = was;
    event.oversized = false;
  }
}

const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const CLOSING = Buffer.from('\n\n');
const EMPTY = Buffer.alloc(0);

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index === -1 ? bytes.length : index;
}

function isField(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  const nameEnd = start + name.length;
  if (nameEnd > end || (nameEnd < end && bytes[nameEnd] !== COLON)) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

function valueStart(bytes: Buffer, colon: number, end: number): number {
  if (colon + 1 < end && bytes[colon + 1] === SPACE) return colon + 2;
  return Math.min(colon + 1, end);
}

function joinLines(event: SseEvent, moreData: readonly number[]): void {
  const { bytes, nameStart, nameEnd } = event;
  const parts = [bytes.subarray(nameStart, nameEnd), bytes.subarray(event.dataStart, event.dataEnd)];
  for (let i = 0; i < moreData.length; i += 2)
    parts.push(CLOSING.subarray(1), bytes.subarray(moreData[i], moreData[i + 1]));
  event.bytes = Buffer.concat(parts);
  event.nameStart = 0;
  event.nameEnd = event.dataStart = nameEnd - nameStart;
  event.dataEnd = event.bytes.length;
}
