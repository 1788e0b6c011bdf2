import {
  allCommitted,
  applyRecord,
  assignedUpTo,
  beginSegment,
  committedUpTo,
  cuttableCount,
  emptyState,
  headRecords,
  isMostlyWaste,
  isSettled,
  missingNumbers,
  nextNumber,
  uncommittedCount,
} from './epoch-state.ts';
import type { NumberRange, OpenRequest, SegmentState } from './epoch-state.ts';
import { JournalError, toJournalError } from './journal-error.ts';
import { encodeRecord } from './record.ts';
import type { JournalRecord } from './record.ts';
import { scanRecords } from './scan-records.ts';
import type { SegmentFiles } from './segment-files.ts';
import { UncommittedAges } from './uncommitted-ages.ts';

/** An event that the ledger has not been seen to charge. */
export interface JournalEvent {
  readonly epoch: string;
  readonly requestId: string;
  readonly partition: number;
  readonly number: bigint;
  /** What `encode` returned; a view of a larger buffer. */
  readonly payload: Uint8Array;
}

/** A stretch of a segment that is no record and was not merely the last write, cut short. */
export interface Damage {
  readonly epoch: string;
  readonly segment: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface EpochLogOptions {
  readonly epoch: string;
  readonly files: SegmentFiles;
  readonly segmentBytes: number;
  readonly now: () => number;
  /** Told what failed without breaking a promise: a position not noted, a segment not removed. */
  readonly onFailure: (error: JournalError) => void;
}

/** The journal of one epoch, this process's own or an adopted one. A call that throws has changed nothing. */
export class EpochLog {
  readonly epoch: string;
  readonly damage: Damage[] = [];
  readonly #files: SegmentFiles;
  readonly #segmentBytes: number;
  readonly #now: () => number;
  readonly #state = emptyState();
  readonly #ages = new UncommittedAges();
  readonly #onFailure: (error: JournalError) => void;
  #nextIndex = 1;
  /** Undefined when the next record needs a new segment. */
  #rotateAtBytes: number | undefined;

  constructor(options: EpochLogOptions) {
    this.epoch = options.epoch;
    this.#files = options.files;
    this.#segmentBytes = options.segmentBytes;
    this.#now = options.now;
    this.#onFailure = options.onFailure;
  }

  /** Reads what a dead process left. Changes nothing but a last write that was cut short, so it can be repeated. */
  static async recover(options: EpochLogOptions): Promise<EpochLog> {
    const log = new EpochLog(options);
    const indexes = options.files.list();
    for (const index of indexes) await log.#recoverSegment(index, index === indexes.at(-1));
    for (const [partition, { assigned, committed }] of log.#state.partitions) {
      if (assigned > committed) log.#ages.added(partition, committed + 1n, log.#now());
    }
    return log;
  }

  get open(): ReadonlyMap<string, OpenRequest> {
    return this.#state.open;
  }

  get sizeBytes(): number {
    return this.#state.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  get uncommitted(): number {
    return uncommittedCount(this.#state);
  }

  get oldestAgeMs(): number {
    return this.#ages.oldestMs(this.#now());
  }

  get missing(): (NumberRange & { readonly partition: number })[] {
    return missingNumbers(this.#state);
  }

  get isSettled(): boolean {
    return isSettled(this.#state);
  }

  opened(requestId: string, partition: number, payload: Uint8Array): void {
    if (this.open.has(requestId)) {
      throw new JournalError('duplicate_request', `journal: request ${requestId} is open already`);
    }
    this.#append({ type: 'opened', requestId, partition, payload });
  }

  progress(requestId: string, payload: Uint8Array): void {
    if (this.open.has(requestId)) this.#append({ type: 'progress', requestId, payload });
  }

  done(requestId: string, partition: number, encode: (number: bigint) => Uint8Array): bigint {
    const number = nextNumber(this.#state, partition);
    const replacesMissing = number <= this.assignedUpTo(partition);
    if (!this.open.has(requestId) && !replacesMissing) {
      throw new JournalError('unknown_request', `journal: request ${requestId} of epoch ${this.epoch} is not open`);
    }
    this.#append({ type: 'done', requestId, partition, number, payload: encode(number) });
    this.#ages.added(partition, number, this.#now());
    return number;
  }

  /** Never throws: that it could not be written costs a harmless second sending after a restart. */
  committed(partition: number, upTo: bigint): void {
    if (upTo <= committedUpTo(this.#state, partition)) return;
    applyRecord(this.#state, { type: 'committed', partition, upTo });
    this.#ages.committed(partition, upTo, this.assignedUpTo(partition));
    this.#tolerate('note a committed position', () => {
      const newest = this.#state.segments.at(-1);
      // Else a journal that became full in one segment would stay so: nothing new comes to begin the next one.
      if (newest !== undefined && newest.sizeBytes >= this.#segmentBytes / 2 && isMostlyWaste(this.#state)) {
        this.#rotate();
      } else this.#write(encodeRecord({ type: 'committed', partition, upTo }));
    });
    this.#cut();
  }

  assignedUpTo(partition: number): bigint {
    return assignedUpTo(this.#state, partition);
  }

  /** The uncommitted events, each partition's in order of their numbers unless damage was repaired. */
  async *events(): AsyncGenerator<JournalEvent, void> {
    const segments = this.#state.segments.slice();
    for (const segment of segments) {
      if (allCommitted(this.#state, segment)) continue;
      const bytes = await this.#files.read(segment.index);
      for (const scanned of scanRecords(bytes ?? Buffer.alloc(0))) {
        if (scanned.kind === 'damage' || scanned.record.type !== 'done') continue;
        const { requestId, partition, number, payload } = scanned.record;
        if (number <= committedUpTo(this.#state, partition)) continue;
        yield { epoch: this.epoch, requestId, partition, number, payload };
      }
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#files.sync();
    } catch (error) {
      this.#onFailure(toJournalError(error, 'sync'));
    }
  }

  close(): void {
    this.#files.close();
  }

  /** Of a settled log; oldest segment first, so that being killed in between leaves a settled one. */
  removeSegments(): void {
    this.#tolerate('remove the segments', () => {
      for (const index of this.#files.list()) this.#files.unlink(index);
    });
  }

  removeFolder(): void {
    this.#tolerate('remove the folder', () => {
      this.#files.removeFolder();
    });
  }

  async #recoverSegment(index: number, isLast: boolean): Promise<void> {
    const bytes = (await this.#files.read(index)) ?? Buffer.alloc(0);
    const segment = beginSegment(this.#state, index, bytes.length);
    let records = 0;
    for (const scanned of scanRecords(bytes)) {
      if (scanned.kind === 'record') {
        applyRecord(this.#state, withOwnPayload(scanned.record));
        records += 1;
      } else if (scanned.torn && isLast) {
        this.#files.truncate(index, scanned.offset);
        segment.sizeBytes = scanned.offset;
      } else {
        const { offset, sizeBytes } = scanned;
        this.damage.push({ epoch: this.epoch, segment: index, offset, sizeBytes });
      }
    }
    // One without a head must not count as the oldest.
    if (records === 0) this.#state.segments.pop();
    this.#nextIndex = index + 1;
  }

  #append(record: JournalRecord): void {
    const bytes = encodeRecord(record);
    try {
      this.#write(bytes);
    } catch (error) {
      throw toJournalError(error, `write ${record.type}`);
    }
    applyRecord(this.#state, record);
  }

  #write(bytes: Buffer): void {
    let current = this.#state.segments.at(-1);
    if (current === undefined || this.#rotateAtBytes === undefined || current.sizeBytes >= this.#rotateAtBytes) {
      current = this.#rotate();
    }
    try {
      this.#files.append(bytes);
    } catch (error) {
      this.#removePart(current);
      throw error;
    }
    current.sizeBytes += bytes.length;
  }

  /** A segment begins with all that is open, so an hour's stream does not keep an hour of segments. */
  #rotate(): SegmentState {
    const index = this.#nextIndex;
    const head = Buffer.concat(headRecords(this.#state).map(encodeRecord));
    // Until the head is whole: what comes next must try again, and not follow half a head.
    this.#rotateAtBytes = undefined;
    this.#files.create(index);
    this.#files.append(head);
    const segment = beginSegment(this.#state, index, head.length);
    this.#state.headIndex = index;
    this.#nextIndex = index + 1;
    // Heads are a third of what is written at most, however many requests are open.
    this.#rotateAtBytes = Math.max(this.#segmentBytes, 3 * head.length);
    this.#cut();
    return segment;
  }

  #removePart(segment: SegmentState): void {
    const removed = this.#tolerate('remove a part of a record', () => {
      this.#files.truncate(segment.index, segment.sizeBytes);
    });
    // Nothing may follow half a record.
    if (!removed) this.#rotateAtBytes = undefined;
  }

  #cut(): void {
    const cuttable = this.#state.segments.slice(0, cuttableCount(this.#state));
    this.#tolerate('remove a segment', () => {
      for (const { index } of cuttable) {
        this.#files.unlink(index);
        this.#state.segments.shift();
      }
    });
  }

  #tolerate(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#onFailure(toJournalError(error, what));
      return false;
    }
  }
}

/** Open requests outlive the segment's buffer. */
function withOwnPayload(record: JournalRecord): JournalRecord {
  return record.type === 'opened' || record.type === 'progress'
    ? { ...record, payload: Uint8Array.from(record.payload) }
    : record;
}
