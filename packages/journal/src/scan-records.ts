import { decodeRecord, MAGIC } from './record.ts';
import type { JournalRecord } from './record.ts';

export type Scanned =
  | { readonly kind: 'record'; readonly record: JournalRecord; readonly sizeBytes: number }
  /** `tail`: no sound record follows, as a write that was cut short leaves it. */
  | { readonly kind: 'damage'; readonly offset: number; readonly sizeBytes: number; readonly tail: boolean };

/** All sound records of a segment in order, and the stretches between them that are none. Payloads are views of `bytes`. */
export function* scanRecords(bytes: Buffer): Generator<Scanned, void> {
  let offset = 0;
  while (offset < bytes.length) {
    const decoded = decodeRecord(bytes, offset);
    if (decoded === undefined) {
      const next = nextSoundRecord(bytes, offset + 1);
      yield { kind: 'damage', offset, sizeBytes: (next ?? bytes.length) - offset, tail: next === undefined };
      offset = next ?? bytes.length;
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
