import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLUMNS, COST, amountAt } from '../domain/figure-table.ts';
import { PackedReader, PackedWriter } from './packed-bytes.ts';

const item = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 50n }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);

test('what was written is read again, whatever it is and however much', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 200 }), (items) => {
      const writer = new PackedWriter();
      for (const one of items) {
        if (typeof one === 'number') writer.number(one);
        else if (typeof one === 'bigint') writer.bigint(one);
        else writer.word(one);
      }
      const reader = new PackedReader(writer.finish());
      const amount = new Float64Array(COLUMNS);
      const read = items.map((one) => {
        if (typeof one === 'number') return reader.number();
        if (typeof one === 'string') return reader.word();
        reader.amount(amount, COST);
        return amountAt(amount, COST);
      });
      expect(read).toEqual(items);
      expect(reader.hasMore).toBe(false);
    }),
    { numRuns: 500 },
  );
});

const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 130 });

test('what is not wanted is gone over: numbers whatever they are, and a word where it is that one', () => {
  const numbers = fc.array(fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })));
  fc.assert(
    fc.property(numbers, ascii, ascii, (unwanted, word, other) => {
      fc.pre(word !== other);
      const writer = new PackedWriter();
      for (const one of unwanted) writer.bigint(BigInt(one));
      writer.word(word);
      writer.number(7);
      const reader = new PackedReader(writer.finish());
      reader.skip(unwanted.length);
      expect(reader.takes(other)).toBe(false);
      const taken = reader.takes(word);
      // a long one has to be read
      expect(taken).toBe(word.length < 128);
      if (!taken) expect(reader.word()).toBe(word);
      expect([reader.number(), reader.hasMore]).toEqual([7, false]);
    }),
    { numRuns: 500 },
  );
});
