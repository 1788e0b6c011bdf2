import { expect, test } from 'vitest';
import { UsageEvent } from './gen/events/v1/usage.ts';
import { encodeMessage } from './encode-message.ts';

test('messages one after the other, and one that cannot be written, leave nothing of them in the next', () => {
  const long = UsageEvent.create({ requestId: 'a request', tenantName: 'x'.repeat(10_000) });
  const short = UsageEvent.create({ requestId: 'another', statusCode: 200 });
  const faulty = UsageEvent.create({ requestId: 'a third', statusCode: -1 });
  for (const event of [long, short, long]) {
    expect(() => encodeMessage(UsageEvent, faulty)).toThrow('invalid uint32');
    const bytes = encodeMessage(UsageEvent, event);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(UsageEvent.encode(event).finish()));
    // nor is what was given out written over
    encodeMessage(UsageEvent, UsageEvent.create({ requestId: 'y'.repeat(20_000) }));
    expect(UsageEvent.decode(bytes)).toEqual(event);
  }
});
