import { crc32 } from 'node:zlib';
import { JournalError } from './journal-error.ts';

/** Where one partition's numbering stands. */
interface Position {
  readonly partition: number;
  /** The highest number given to an event. */
  readonly assigned: bigint;
  /** The ledger has charged 1..committed. */
  readonly committed: bigint;
}

export type JournalRecord =
  /** First in every segment; behind it come `opened` and `progress` of all requests that were open then. */
  | { readonly type: 'head'; readonly positions: readonly Position[] }
  | { readonly type: 'opened'; readonly requestId: string; readonly partition: number; readonly payload: Uint8Array }
  | { readonly type: 'progress'; readonly requestId: string; readonly payload: Uint8Array }
  | {
      readonly type: 'done';
      readonly requestId: string;
      readonly partition: number;
      readonly number: bigint;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'committed'; readonly partition: number; readonly upTo: bigint };

/*
 * On disk, little-endian:
 *   0 magic | 4 crc32 of all that follows | 8 size of the whole record | 12 type | 13 size of the id | 14 partition
 *   16 number | 24 request id, payload
 */
export const MAGIC = Buffer.from('OJ01', 'latin1');
export const HEADER_BYTES = 24;
/** What NATS takes as one message by default: a bigger event could not be sent. */
const MAX_RECORD_BYTES = 1024 * 1024;
const MAGIC_NUMBER = MAGIC.readUInt32LE();
const POSITION_BYTES = 18;
const TYPE_CODE = { head: 1, opened: 2, progress: 3, done: 4, committed: 5 } as const satisfies Record<
  JournalRecord['type'],
  number
>;
const NO_PAYLOAD = new Uint8Array();

export function encodeRecord(record: JournalRecord): Buffer {
  const code = TYPE_CODE[record.type];
  switch (record.type) {
    case 'head':
      return encodeFlat(code, '', 0, 0n, encodePositions(record.positions));
    case 'opened':
      return encodeFlat(code, record.requestId, record.partition, 0n, record.payload);
    case 'progress':
      return encodeFlat(code, record.requestId, 0, 0n, record.payload);
    case 'done':
      return encodeFlat(code, record.requestId, record.partition, record.number, record.payload);
    case 'committed':
      return encodeFlat(code, '', record.partition, record.upTo, NO_PAYLOAD);
  }
}

/** The record that begins at `offset` and its size; undefined when there is none that is whole and sound. */
export function decodeRecord(
  bytes: Buffer,
  offset: number,
): { readonly record: JournalRecord; readonly sizeBytes: number } | undefined {
  if (offset + HEADER_BYTES > bytes.length || bytes.readUInt32LE(offset) !== MAGIC_NUMBER) return undefined;
  const sizeBytes = bytes.readUInt32LE(offset + 8);
  const payloadAt = offset + HEADER_BYTES + bytes.readUInt8(offset + 13);
  const end = offset + sizeBytes;
  if (sizeBytes > MAX_RECORD_BYTES || payloadAt > end || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32LE(offset + 4)) return undefined;
  const record = toRecord(bytes.readUInt8(offset + 12), {
    requestId: bytes.toString('utf8', offset + HEADER_BYTES, payloadAt),
    partition: bytes.readUInt16LE(offset + 14),
    number: bytes.readBigUInt64LE(offset + 16),
    payload: bytes.subarray(payloadAt, end),
  });
  return record === undefined ? undefined : { record, sizeBytes };
}

/** From `offset` to the end there is a part of one record, its beginning. */
export function isBeginning(bytes: Buffer, offset: number): boolean {
  const part = bytes.subarray(offset);
  if (!part.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, part.length))) return false;
  return part.length < HEADER_BYTES || part.readUInt32LE(8) > part.length;
}

function encodeFlat(type: number, requestId: string, partition: number, number: bigint, payload: Uint8Array): Buffer {
  const idBytes = Buffer.byteLength(requestId);
  const sizeBytes = HEADER_BYTES + idBytes + payload.length;
  if (idBytes > 255 || sizeBytes > MAX_RECORD_BYTES) {
    throw new JournalError('too_large', `journal: a record of ${sizeBytes} bytes, at most ${MAX_RECORD_BYTES}`);
  }
  const bytes = Buffer.allocUnsafe(sizeBytes);
  bytes.writeUInt32LE(MAGIC_NUMBER, 0);
  bytes.writeUInt32LE(sizeBytes, 8);
  bytes.writeUInt8(type, 12);
  bytes.writeUInt8(idBytes, 13);
  bytes.writeUInt16LE(partition, 14);
  bytes.writeBigUInt64LE(number, 16);
  bytes.write(requestId, HEADER_BYTES, 'utf8');
  bytes.set(payload, HEADER_BYTES + idBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

interface FlatRecord {
  readonly requestId: string;
  readonly partition: number;
  readonly number: bigint;
  readonly payload: Buffer;
}

function toRecord(type: number, flat: FlatRecord): JournalRecord | undefined {
  const { requestId, partition, number, payload } = flat;
  switch (type) {
    case TYPE_CODE.head:
      return { type: 'head', positions: decodePositions(payload) };
    case TYPE_CODE.opened:
      return { type: 'opened', requestId, partition, payload };
    case TYPE_CODE.progress:
      return { type: 'progress', requestId, payload };
    case TYPE_CODE.done:
      return { type: 'done', requestId, partition, number, payload };
    case TYPE_CODE.committed:
      return { type: 'committed', partition, upTo: number };
    default:
      return undefined;
  }
}

function encodePositions(positions: readonly Position[]): Buffer {
  const bytes = Buffer.allocUnsafe(positions.length * POSITION_BYTES);
  let at = 0;
  for (const { partition, assigned, committed } of positions) {
    at = bytes.writeUInt16LE(partition, at);
    at = bytes.writeBigUInt64LE(assigned, at);
    at = bytes.writeBigUInt64LE(committed, at);
  }
  return bytes;
}

function decodePositions(bytes: Buffer): Position[] {
  const positions: Position[] = [];
  for (let at = 0; at + POSITION_BYTES <= bytes.length; at += POSITION_BYTES) {
    positions.push({
      partition: bytes.readUInt16LE(at),
      assigned: bytes.readBigUInt64LE(at + 2),
      committed: bytes.readBigUInt64LE(at + 10),
    });
  }
  return positions;
}
