import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeRecord } from './record.ts';
import type { JournalRecord } from './record.ts';
import { scanRecords } from './scan-records.ts';

const partition = fc.integer({ min: 0, max: 65_535 });
const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const requestId = fc.string({ maxLength: 60, unit: 'grapheme' }).filter((id) => Buffer.byteLength(id) <= 255);
const payload = fc.uint8Array({ maxLength: 200 });
const record: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({
    type: fc.constant('head' as const),
    positions: fc.array(fc.record({ partition, assigned: number, committed: number }), { maxLength: 9 }),
  }),
  fc.record({ type: fc.constant('opened' as const), requestId, partition, payload }),
  fc.record({ type: fc.constant('progress' as const), requestId, payload }),
  fc.record({ type: fc.constant('done' as const), requestId, partition, number, payload }),
  fc.record({ type: fc.constant('committed' as const), partition, upTo: number }),
);

test('records come back as they were written', () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      expect(soundRecords(Buffer.concat(records.map(encodeRecord)))).toEqual(records);
    }),
  );
});

test('a segment cut at any byte gives the whole records before the cut, and one damaged tail', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.nat(), (records, seed) => {
      const parts = records.map(encodeRecord);
      const bytes = Buffer.concat(parts);
      const cut = seed % bytes.length;
      let whole = 0;
      let wholeBytes = 0;
      for (const part of parts) {
        if (wholeBytes + part.length > cut) break;
        whole += 1;
        wholeBytes += part.length;
      }
      const torn = bytes.subarray(0, cut);
      expect(soundRecords(torn)).toEqual(records.slice(0, whole));
      const damage = [...scanRecords(torn)].filter(({ kind }) => kind === 'damage');
      expect(damage).toEqual(
        cut === wholeBytes ? [] : [{ kind: 'damage', offset: wholeBytes, sizeBytes: cut - wholeBytes, torn: true }],
      );
    }),
  );
});

test('a flipped byte costs its own record and is reported where it is; all others are read', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.nat(), (records, seed) => {
      const parts = records.map(encodeRecord);
      const bytes = Buffer.concat(parts);
      const at = seed % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at);
      let hit = 0;
      let offset = 0;
      for (const part of parts) {
        if (offset + part.length > at) break;
        hit += 1;
        offset += part.length;
      }
      const sizeBytes = parts[hit]?.length;
      expect(soundRecords(bytes)).toEqual(records.toSpliced(hit, 1));
      const damage = [...scanRecords(bytes)].filter(({ kind }) => kind === 'damage');
      expect(damage).toMatchObject([{ offset, sizeBytes }]);
      if (hit < records.length - 1) expect(damage).toMatchObject([{ torn: false }]);
    }),
  );
});

test('a record that NATS could not carry is refused', () => {
  const tooLarge = { type: 'progress', requestId: 'r', payload: new Uint8Array(1024 * 1024) } as const;
  expect(() => encodeRecord(tooLarge)).toThrow(expect.objectContaining({ code: 'too_large' }));
});

function soundRecords(bytes: Buffer): JournalRecord[] {
  return [...scanRecords(bytes)].flatMap((scanned) => (scanned.kind === 'record' ? [plain(scanned.record)] : []));
}

/** With the payload as the plain array that was written. */
function plain(decoded: JournalRecord): JournalRecord {
  return 'payload' in decoded ? { ...decoded, payload: Uint8Array.from(decoded.payload) } : decoded;
}
