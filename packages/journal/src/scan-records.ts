import { decodeRecord, isBeginning, MAGIC } from './record.ts';
import type { JournalRecord } from './record.ts';

export type Scanned =
  | { readonly kind: 'record'; readonly record: JournalRecord; readonly sizeBytes: number }
  /** `torn`: it is the beginning of a record, and the end of the segment, as a write that was cut short leaves it. */
  | { readonly kind: 'damage'; readonly offset: number; readonly sizeBytes: number; readonly torn: boolean };

/** All sound records of a segment in order, and the stretches between them that are none. Payloads are views of `bytes`. */
export function* scanRecords(bytes: Buffer): Generator<Scanned, void> {
  let offset = 0;
  while (offset < bytes.length) {
    const decoded = decodeRecord(bytes, offset);
    if (decoded === undefined) {
      const next = nextSoundRecord(bytes, offset + 1);
      const end = next ?? bytes.length;
      yield { kind: 'damage', offset, sizeBytes: end - offset, torn: next === undefined && isBeginning(bytes, offset) };
      offset = end;
    } else {
      yield { kind: 'record', ...decoded };
      offset += decoded.sizeBytes;
    }
  }
}

function nextSoundRecord(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (decodeRecord(bytes, at) !== undefined) return at;
  }
  return undefined;
}
