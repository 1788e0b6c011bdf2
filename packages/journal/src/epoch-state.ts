import { HEADER_BYTES } from './record.ts';
import type { JournalRecord } from './record.ts';

/** A request that was opened and is not done. */
export interface OpenRequest {
  readonly requestId: string;
  readonly partition: number;
  readonly opened: Uint8Array;
  /** The last one, if any was written. */
  readonly progress: Uint8Array | undefined;
}

export interface NumberRange {
  readonly from: bigint;
  readonly to: bigint;
}

interface PartitionState {
  assigned: bigint;
  committed: bigint;
  /** Assigned, not committed, and not in the journal: its record was damaged. */
  missing: NumberRange[];
}

export interface SegmentState {
  readonly index: number;
  sizeBytes: number;
  /** The highest number of a `done` in it, by partition. */
  readonly lastDone: Map<number, bigint>;
}

/**
 * What the records of one epoch amount to. `applyRecord` changes it in place: this is the hot path, and a copy of
 * `open` would cost more than the write.
 */
export interface EpochState {
  readonly open: Map<string, OpenRequest>;
  /** What `open` takes in the head of a segment, about. */
  openBytes: number;
  readonly partitions: Map<number, PartitionState>;
  /** Oldest first; records are applied to the last. */
  readonly segments: SegmentState[];
  /** The newest segment that is known to begin with a whole head: what is older is needed for its `done` only. */
  headIndex: number | undefined;
}

export function emptyState(): EpochState {
  return { open: new Map(), openBytes: 0, partitions: new Map(), segments: [], headIndex: undefined };
}

export function beginSegment(state: EpochState, index: number, sizeBytes: number): SegmentState {
  const segment = { index, sizeBytes, lastDone: new Map<number, bigint>() };
  state.segments.push(segment);
  return segment;
}

export function applyRecord(state: EpochState, record: JournalRecord): void {
  const segment = state.segments.at(-1);
  if (segment === undefined) throw new Error('a record needs a segment');
  switch (record.type) {
    case 'head':
      for (const { partition, assigned, committed } of record.positions) {
        const numbers = partitionOf(state, partition);
        // Only segments whose events are all committed are cut, so what came before the oldest is committed.
        commit(numbers, state.segments.length === 1 ? assigned : committed);
        skipTo(numbers, assigned);
      }
      return;
    case 'opened': {
      const { requestId, partition, payload } = record;
      // Known already when a head repeats it, which may have been cut short before its progress.
      if (!state.open.has(requestId)) {
        setOpen(state, { requestId, partition, opened: payload, progress: undefined });
      }
      return;
    }
    case 'progress': {
      const request = state.open.get(record.requestId);
      if (request !== undefined) setOpen(state, { ...request, progress: record.payload });
      return;
    }
    case 'done': {
      const { partition, number } = record;
      removeOpen(state, record.requestId);
      assign(partitionOf(state, partition), number);
      if (number > (segment.lastDone.get(partition) ?? 0n)) segment.lastDone.set(partition, number);
      return;
    }
    case 'committed':
      commit(partitionOf(state, record.partition), record.upTo);
  }
}

/** The records that a new segment begins with, so that older ones are needed for their uncommitted events only. */
export function headRecords(state: EpochState): JournalRecord[] {
  const records: JournalRecord[] = [
    {
      type: 'head',
      positions: Array.from(state.partitions, ([partition, { assigned, committed }]) => ({
        partition,
        assigned,
        committed,
      })),
    },
  ];
  for (const { requestId, partition, opened, progress } of state.open.values()) {
    records.push({ type: 'opened', requestId, partition, payload: opened });
    if (progress !== undefined) records.push({ type: 'progress', requestId, payload: progress });
  }
  return records;
}

/** A number whose event was destroyed is given again, because the ledger commits only up to the first that it lacks. */
export function nextNumber(state: EpochState, partition: number): bigint {
  const numbers = state.partitions.get(partition);
  return numbers?.missing[0]?.from ?? assignedUpTo(state, partition) + 1n;
}

export function committedUpTo(state: EpochState, partition: number): bigint {
  return state.partitions.get(partition)?.committed ?? 0n;
}

export function assignedUpTo(state: EpochState, partition: number): bigint {
  return state.partitions.get(partition)?.assigned ?? 0n;
}

export function uncommittedCount(state: EpochState): number {
  let count = 0n;
  for (const { assigned, committed } of state.partitions.values()) count += assigned - committed;
  return Number(count);
}

export function missingNumbers(state: EpochState): (NumberRange & { readonly partition: number })[] {
  return Array.from(state.partitions).flatMap(([partition, { missing }]) =>
    missing.map(({ from, to }) => ({ partition, from, to })),
  );
}

/** Nothing of this epoch is needed any more. */
export function isSettled(state: EpochState): boolean {
  return state.open.size === 0 && uncommittedCount(state) === 0;
}

/**
 * How many of the oldest segments may be removed. Always the oldest first: a `done` is never older than its `opened`,
 * so whatever is left never shows a finished request as open.
 */
export function cuttableCount(state: EpochState): number {
  const { headIndex } = state;
  if (headIndex === undefined) return 0;
  const kept = state.segments.findIndex((segment) => segment.index >= headIndex || !allCommitted(state, segment));
  return kept === -1 ? 0 : kept;
}

export function allCommitted(state: EpochState, segment: SegmentState): boolean {
  return segment.lastDone.entries().every(([partition, number]) => number <= committedUpTo(state, partition));
}

/** The newest segment is needed for a small part only, so that a new one would be much shorter. */
export function isMostlyWaste(state: EpochState): boolean {
  const newest = state.segments.at(-1);
  return newest !== undefined && allCommitted(state, newest) && newest.sizeBytes >= 2 * state.openBytes;
}

function setOpen(state: EpochState, request: OpenRequest): void {
  removeOpen(state, request.requestId);
  state.open.set(request.requestId, request);
  state.openBytes += sizeInHead(request);
}

function removeOpen(state: EpochState, requestId: string): void {
  const request = state.open.get(requestId);
  if (request === undefined) return;
  state.open.delete(requestId);
  state.openBytes -= sizeInHead(request);
}

function sizeInHead({ requestId, opened, progress }: OpenRequest): number {
  const records = progress === undefined ? 1 : 2;
  return records * (HEADER_BYTES + requestId.length) + opened.length + (progress?.length ?? 0);
}

function partitionOf(state: EpochState, partition: number): PartitionState {
  let numbers = state.partitions.get(partition);
  if (numbers === undefined) {
    numbers = { assigned: 0n, committed: 0n, missing: [] };
    state.partitions.set(partition, numbers);
  }
  return numbers;
}

function assign(numbers: PartitionState, number: bigint): void {
  if (number > numbers.assigned) {
    skipTo(numbers, number - 1n);
    numbers.assigned = number;
  } else if (numbers.missing.length > 0) {
    numbers.missing = numbers.missing.flatMap((range) => without(range, number));
  }
}

function skipTo(numbers: PartitionState, number: bigint): void {
  if (number <= numbers.assigned) return;
  numbers.missing.push({ from: numbers.assigned + 1n, to: number });
  numbers.assigned = number;
}

function commit(numbers: PartitionState, upTo: bigint): void {
  if (upTo <= numbers.committed) return;
  numbers.committed = upTo;
  // More than was assigned: the disk lost what the ledger has seen. Those numbers must not be used again.
  if (upTo > numbers.assigned) numbers.assigned = upTo;
  numbers.missing = numbers.missing
    .filter(({ to }) => to > upTo)
    .map(({ from, to }) => ({ from: from > upTo ? from : upTo + 1n, to }));
}

function without({ from, to }: NumberRange, number: bigint): NumberRange[] {
  if (number < from || number > to) return [{ from, to }];
  return [
    { from, to: number - 1n },
    { from: number + 1n, to },
  ].filter((range) => range.from <= range.to);
}
