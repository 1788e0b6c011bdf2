import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { freshStreamName, testNatsUrl } from '@omg/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  connectNats,
  consumeUsage,
  createUsagePublisher,
  ensureUsageStream,
  usageStreamState,
  type Nats,
  type UsagePublisherOptions,
} from '../src/index.ts';
import { encodedEvent, numbersOf, range, readUntil } from './usage-events.ts';

const stack = new AsyncDisposableStack();
let nats: Nats;
beforeAll(async () => {
  nats = stack.use(await connectNats({ url: testNatsUrl(), name: 'messaging-test' }));
});
afterAll(async () => {
  await stack.disposeAsync();
});

async function makeStream(maxBytes = 64 * 1024 * 1024): Promise<string> {
  const stream = freshStreamName('MESSAGING');
  await ensureUsageStream(nats, { stream, maxBytes });
  return stream;
}

const publisherOf = (stream: string, options: Partial<UsagePublisherOptions> = {}) =>
  createUsagePublisher({ nats, stream, ...options });

const incarnationOf = async (of: Nats, stream: string): Promise<string> =>
  (await usageStreamState(of, stream)).incarnation;

const messagesIn = async (stream: string): Promise<number> =>
  (await (await jetstreamManager(nats.connection)).streams.info(stream)).state.messages;

const consumersOf = async (stream: string): Promise<number> =>
  (await (await jetstreamManager(nats.connection)).streams.info(stream)).state.consumer_count;

describe('publishing', () => {
  test('brings all events of a partition in order, a hundred to a message', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream);
    for (const number of range(1, 450)) publisher.publish(3, encodedEvent(number));
    expect(publisher.pending).toBe(450);
    const messages = await readUntil({ nats, stream, partition: 3, until: (all) => numbersOf(all).length >= 450 });
    expect(numbersOf(messages)).toEqual(range(1, 450));
    expect(messages.map(({ events }) => events?.length)).toEqual([100, 100, 100, 100, 50]);
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
  });

  test('waits for more, but only for the linger', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 60_000 });
    for (const number of range(1, 99)) publisher.publish(0, encodedEvent(number));
    await using other = publisherOf(stream, { lingerMs: 1 });
    other.publish(1, encodedEvent(1));
    await readUntil({ nats, stream, partition: 1, until: (all) => all.length > 0 });
    expect(await messagesIn(stream)).toBe(1);
    // the hundredth makes the batch full
    publisher.publish(0, encodedEvent(100));
    expect(await readUntil({ nats, stream, until: (all) => all.length > 0 })).toHaveLength(1);
  });

  test('waits as well for what came while the message before was on its way', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 60_000, maxBatchEvents: 10 });
    for (const number of range(1, 15)) publisher.publish(0, encodedEvent(number));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(5);
    });
    for (const number of range(16, 20)) publisher.publish(0, encodedEvent(number));
    const messages = await readUntil({ nats, stream, until: (all) => numbersOf(all).length >= 20 });
    expect(messages.map(({ events }) => events?.length)).toEqual([10, 10]);
  });

  test('keeps partitions apart', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream);
    for (const number of range(0, 79)) publisher.publish(number % 8, encodedEvent(number));
    for (const partition of range(0, 7)) {
      const messages = await readUntil({ nats, stream, partition, until: (all) => numbersOf(all).length >= 10 });
      expect(numbersOf(messages).map((number) => number % 8)).toEqual(Array.from({ length: 10 }, () => partition));
    }
  });

  test('never makes a message that is larger than half a MiB', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream);
    for (const number of range(1, 20)) publisher.publish(0, encodedEvent(number, 'x'.repeat(100 * 1024)));
    const messages = await readUntil({ nats, stream, until: (all) => numbersOf(all).length >= 20 });
    expect(numbersOf(messages)).toEqual(range(1, 20));
    for (const { raw } of messages) expect(raw.length).toBeLessThan(513 * 1024);
  });

  test('into a full stream waits, loses nothing, and goes on when there is room', async () => {
    const stream = await makeStream(200 * 1024);
    const errors: unknown[] = [];
    await using publisher = publisherOf(stream, { maxBatchEvents: 1, onRetry: (error) => errors.push(error) });
    const padding = 'x'.repeat(32 * 1024);
    for (const number of range(1, 12)) publisher.publish(0, encodedEvent(number, padding));
    await vi.waitFor(
      () => {
        expect(errors.length).toBeGreaterThanOrEqual(2);
      },
      { timeout: 3_000 },
    );
    expect(String(errors[0])).toContain('maximum bytes exceeded');
    const before = await readUntil({ nats, stream, until: (all) => all.length >= 6 });
    expect(numbersOf(before)).toEqual(range(1, 6));
    expect(publisher.pending).toBe(6);

    const manager = await jetstreamManager(nats.connection);
    await manager.streams.purge(stream);
    const after = await readUntil({ nats, stream, fromSeq: 7, until: (all) => all.length >= 6 });
    expect(numbersOf(after)).toEqual(range(7, 12));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
  });

  test('that has ended without an acknowledgement does not claim one', async () => {
    const tried = Promise.withResolvers<undefined>();
    const publisher = publisherOf(freshStreamName('ABSENT'), {
      lingerMs: 0,
      onRetry: () => {
        tried.resolve(undefined);
      },
    });
    publisher.publish(0, encodedEvent(1));
    await tried.promise;
    await publisher[Symbol.asyncDispose]();
    // what runs on after the end has run by then
    await new Promise(setImmediate);
    expect(publisher.pending).toBe(1);
  });

  test('to a partition that does not exist is refused at once', async () => {
    await using publisher = publisherOf('ANY');
    expect(() => {
      publisher.publish(8, encodedEvent(1));
    }).toThrow(RangeError);
  });
});

describe('reading', () => {
  test('begins at the position it is given', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { maxBatchEvents: 1, lingerMs: 0 });
    for (const number of range(1, 30)) publisher.publish(0, encodedEvent(number));
    const all = await readUntil({ nats, stream, until: (messages) => messages.length >= 30 });
    expect(all.map(({ seq }) => seq)).toEqual(range(1, 30));
    const tail = await readUntil({ nats, stream, fromSeq: 21, until: (messages) => messages.length >= 10 });
    expect(numbersOf(tail)).toEqual(range(21, 30));
  });

  test('hands over what there is, however many messages came together', async () => {
    const stream = await makeStream();
    const client = jetstream(nats.connection);
    const signal = AbortSignal.timeout(8_000);
    const consumer = consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal });
    let read = 0;
    // every size of burst around the points where the client asks the server for more
    for (const size of [...range(1, 20), 40, 64, 65, 150]) {
      const sent = range(1, size).map(async () => await client.publish(`${stream.toLowerCase()}.0`, new Uint8Array()));
      await Promise.all(sent);
      const deadline = AbortSignal.timeout(1_000);
      const late = new Promise<'late'>((resolve) => {
        deadline.addEventListener('abort', () => {
          resolve('late');
        });
      });
      for (let burst = 0; burst < size;) {
        const list = await Promise.race([consumer.next(), late]);
        if (list === 'late' || list.done === true)
          throw new Error(`of ${size} messages ${burst} were read in a second`);
        burst += list.value.length;
        read += list.value.length;
      }
    }
    expect(read).toBe(await messagesIn(stream));
    await consumer.return(undefined);
  });

  test('hands over no more events at once than a transaction should hold', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    for (const number of range(1, 3_000)) publisher.publish(0, encodedEvent(number));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
    const sizes: number[] = [];
    let count = 0;
    for await (const list of consumeUsage({
      nats,
      stream,
      partition: 0,
      fromSeq: 1,
      signal: AbortSignal.timeout(5_000),
    })) {
      sizes.push(numbersOf(list).length);
      count += numbersOf(list).length;
      if (count >= 3_000) break;
    }
    expect(count).toBe(3_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2_000);
    expect(sizes.length).toBeLessThan(30);
  });

  test.each([
    ['waits', 0],
    ['has messages waiting', 60],
  ])('ends promptly with its signal while it %s', async (_, messages) => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { maxBatchEvents: 1, lingerMs: 0 });
    for (const number of range(1, 1 + messages)) publisher.publish(0, encodedEvent(number));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
    const stop = new AbortController();
    let lists = 0;
    let stoppedMs = 0;
    for await (const list of consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal: stop.signal })) {
      expect(list.length).toBeGreaterThan(0);
      lists += 1;
      setTimeout(() => {
        stoppedMs = performance.now();
        stop.abort();
      }, 20);
    }
    expect(performance.now() - stoppedMs).toBeLessThan(200);
    expect(lists).toBeGreaterThan(0);
  });

  test('that has ended yields nothing more of what had arrived', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    for (const number of range(1, 2_000)) publisher.publish(0, encodedEvent(number));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
    const stop = new AbortController();
    let lists = 0;
    for await (const _ of consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal: stop.signal })) {
      lists += 1;
      stop.abort();
    }
    expect(lists).toBe(1);
  });

  test('with a signal that is aborted already ends at once', async () => {
    const stream = await makeStream();
    for await (const _ of consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal: AbortSignal.abort() }))
      throw new Error('read');
  });

  test('leaves no consumer behind on the server', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    publisher.publish(0, encodedEvent(1));
    await readUntil({ nats, stream, until: (all) => all.length > 0 });
    await vi.waitFor(async () => {
      expect(await consumersOf(stream)).toBe(0);
    });
  });

  test('a message that is no batch has no events, and its bytes', async () => {
    const stream = await makeStream();
    const client = jetstream(nats.connection);
    const garbage = Buffer.from('ff00ff', 'hex');
    await client.publish(`${stream.toLowerCase()}.0`, garbage);
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    publisher.publish(0, encodedEvent(7));
    const [unreadable, next] = await readUntil({ nats, stream, until: (all) => all.length >= 2 });
    expect(unreadable).toMatchObject({ seq: 1, events: undefined });
    expect(Buffer.from(unreadable?.raw ?? [])).toEqual(garbage);
    expect(numbersOf(next === undefined ? [] : [next])).toEqual([7]);
  });

  test('a stream that is deleted meanwhile throws', async () => {
    const stream = await makeStream();
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    publisher.publish(0, encodedEvent(1));
    const manager = await jetstreamManager(nats.connection);
    const reading = readUntil({
      nats,
      stream,
      until: () => {
        void manager.streams.delete(stream);
        return false;
      },
      timeoutMs: 8_000,
    });
    await expect(reading).rejects.toThrow(/not found|deleted/i);
  });

  test('a stream that does not exist throws', async () => {
    await expect(readUntil({ nats, stream: freshStreamName('ABSENT'), until: () => true })).rejects.toThrow(
      /not found/,
    );
    await expect(usageStreamState(nats, freshStreamName('ABSENT'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('the stream', () => {
  test('is made once, by however many at the same time', async () => {
    const stream = freshStreamName('MESSAGING');
    await Promise.all(
      range(1, 5).map(async () => {
        await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
      }),
    );
    const incarnation = await incarnationOf(nats, stream);
    await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
    expect(await incarnationOf(nats, stream)).toBe(incarnation);
  });

  test('refuses what is new when it is full, and forgets nothing by age', async () => {
    const stream = await makeStream(3 * 1024 * 1024);
    const manager = await jetstreamManager(nats.connection);
    const { config } = await manager.streams.info(stream);
    expect(config).toMatchObject({
      discard: 'new',
      max_bytes: 3 * 1024 * 1024,
      max_age: 0,
      storage: 'file',
      retention: 'limits',
    });
  });

  test('takes another size and keeps what it has, also below it', async () => {
    const stream = await makeStream(1024 * 1024);
    await using publisher = publisherOf(stream, { lingerMs: 0 });
    for (const number of range(1, 10)) publisher.publish(0, encodedEvent(number, 'x'.repeat(40 * 1024)));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
    const incarnation = await incarnationOf(nats, stream);
    for (const maxBytes of [8 * 1024 * 1024, 100 * 1024]) {
      await ensureUsageStream(nats, { stream, maxBytes });
      const manager = await jetstreamManager(nats.connection);
      expect((await manager.streams.info(stream)).config.max_bytes).toBe(maxBytes);
    }
    expect(await incarnationOf(nats, stream)).toBe(incarnation);
    const messages = await readUntil({ nats, stream, until: (all) => numbersOf(all).length >= 10 });
    expect(numbersOf(messages)).toEqual(range(1, 10));
  });

  test('is another one after it was made anew', async () => {
    const stream = await makeStream();
    const first = await incarnationOf(nats, stream);
    const manager = await jetstreamManager(nats.connection);
    await manager.streams.delete(stream);
    await vi.waitFor(
      async () => {
        await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
      },
      { timeout: 5_000 },
    );
    expect(await incarnationOf(nats, stream)).not.toBe(first);
  });
});
