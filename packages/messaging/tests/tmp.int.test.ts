import { jetstream } from '@nats-io/jetstream';
import { freshStreamName, testNatsUrl } from '@omg/testkit';
import { test } from 'vitest';
import { connectNats, ensureUsageStream } from '../src/index.ts';
import { range, readUntil } from './usage-events.ts';
test('x', async () => {
  await using nats = await connectNats({ url: testNatsUrl(), name: 'messaging-test' });
  const stream = freshStreamName('MESSAGING');
  await ensureUsageStream(nats, { stream, maxBytes: 100e6 });
  const client = jetstream(nats.connection);
  const bad: number[] = [];
  let total = 0;
  for (let n = 40; n <= 41; n += 3) {
    await Promise.all(range(1, n).map(async () => await client.publish(`${stream.toLowerCase()}.0`, new Uint8Array(5000))));
    const got = await readUntil({ nats, stream, fromSeq: total + 1, until: (all) => all.length >= n, timeoutMs: 300 });
    if (got.length < n) bad.push(n);
    total += n;
  }
  console.log('stalled', bad);
});
