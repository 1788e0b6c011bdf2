import { eventsV1 } from '@omg/proto-gen';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBatch } from './usage-batch.ts';

const event = fc
  .record({
    requestId: fc.string(),
    // beyond 127 and 16,383 bytes the length takes another byte
    model: fc.nat({ max: 20_000 }).map((length) => 'm'.repeat(length)),
    number: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    stream: fc.boolean(),
  })
  .map((part) => eventsV1.UsageEvent.fromPartial(part));

test('a batch of encoded events is what encoding them together gives', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      const apart = encodeBatch(events.map((item) => eventsV1.UsageEvent.encode(item).finish()));
      expect(Buffer.from(apart)).toEqual(Buffer.from(eventsV1.UsageBatch.encode({ events }).finish()));
    }),
  );
});

test.each([0, 127, 128, 16_383, 16_384, 2 ** 21])('an event of %d bytes is found again whole', (length) => {
  const content = Buffer.alloc(length, 0x20);
  const batch = encodeBatch([content, content]);
  const lengths: number[] = [];
  for (let at = 0; at < batch.length;) {
    expect(batch[at]).toBe(0x0a);
    at += 1;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = batch[at] ?? 0;
      at += 1;
      size += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    lengths.push(size);
    at += size;
  }
  expect(lengths).toEqual([length, length]);
});
