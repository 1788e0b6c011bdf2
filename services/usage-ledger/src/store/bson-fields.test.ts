import fc from 'fast-check';
import { BSON, Binary, Long } from 'mongodb';
import { expect, test } from 'vitest';
import { BsonFields } from './bson-fields.ts';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\0'));
const number = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }));
const value = fc.oneof(
  number,
  fc.string({ unit: 'grapheme' }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }),
  fc.dictionary(name, number, { maxKeys: 5 }),
);

function serialize(document: Record<string, unknown>): Buffer {
  return Buffer.from(BSON.serialize(document));
}

function stored(one: unknown): unknown {
  if (typeof one === 'bigint') return Long.fromBigInt(one);
  if (one instanceof Uint8Array) return new Binary(one);
  return one;
}

function read(fields: BsonFields, like: unknown): unknown {
  if (typeof like === 'string') return fields.text();
  if (typeof like === 'number' || typeof like === 'bigint') return BigInt(fields.number());
  if (like instanceof Date) return new Date(fields.timeMs());
  if (like instanceof Uint8Array) return new Uint8Array(fields.binary());
  const inner = fields.fields();
  const numbers: [string, bigint][] = [];
  while (inner?.next() === true) numbers.push([inner.name, BigInt(inner.number())]);
  return Object.fromEntries(numbers);
}

const plain = (one: unknown): unknown => {
  if (typeof one === 'number' || typeof one === 'bigint') return BigInt(one);
  if (one === null || typeof one !== 'object' || one instanceof Date || one instanceof Uint8Array) return one;
  return Object.fromEntries(Object.entries(one).map(([key, each]) => [key, plain(each)]));
};

test('what the driver writes is read field by field, in its order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 12 }), (entries) => {
      // names that look like numbers would change their places
      const document = entries.filter(([key]) => !/^\d+$/.test(key));
      const fields = new BsonFields(
        serialize(
          Object.fromEntries(
            document.map(([key, one]) => [
              key,
              one !== null && one.constructor === Object
                ? Object.fromEntries(Object.entries(one).map(([inner, each]) => [inner, stored(each)]))
                : stored(one),
            ]),
          ),
        ),
      );
      for (const [key, one] of document) {
        expect(fields.next()).toBe(true);
        expect(fields.name).toBe(key);
        expect(read(fields, one)).toEqual(plain(one));
      }
      expect(fields.next()).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('a field is known by its name, and taken only for what it is', () => {
  const fields = new BsonFields(serialize({ start: 'today' }));
  fields.next();
  expect(['start', 'star', 'starts', 'stars'].map((text) => fields.is(text))).toEqual([true, false, false, false]);
  expect(() => fields.number()).toThrow('the field start is of type 2');
  expect(() => new BsonFields(serialize({ yes: true })).next()).toThrow('the field yes is of type 8');
});
