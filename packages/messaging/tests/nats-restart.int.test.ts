import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateNats, startNats, type LocalServer, type Program } from '@omg/embedded';
import { freshStreamName } from '@omg/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  connectNats,
  consumeUsage,
  createUsagePublisher,
  ensureUsageStream,
  usageStreamState,
  type Nats,
} from '../src/index.ts';
import { encodedEvent, numbersOf, range, readUntil } from './usage-events.ts';

const signal = AbortSignal.timeout(120_000);
let stack: AsyncDisposableStack;
let program: Program;
let directory: string;
let server: LocalServer;
let nats: Nats;
let connected: boolean;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  directory = stack.adopt(await mkdtemp(join(tmpdir(), 'omg-nats-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  program = await locateNats({ env: process.env, signal });
  server = await start();
  stack.defer(async () => {
    await server.stop();
  });
  nats = stack.use(
    await connectNats({
      url: server.url,
      name: 'restart-test',
      onStatus: (now) => {
        connected = now;
      },
    }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

async function start(port?: number): Promise<LocalServer> {
  return await startNats({
    program,
    dataDir: join(directory, 'nats'),
    logFile: join(directory, 'nats.log'),
    signal,
    throwaway: true,
    ...(port === undefined ? {} : { port }),
  });
}

const incarnationOf = async (of: Nats, stream: string): Promise<string> =>
  (await usageStreamState(of, stream)).incarnation;

async function kill(): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  await vi.waitFor(() => {
    expect(connected).toBe(false);
  });
}

describe('when NATS is killed and comes back on the same store', () => {
  test('events are kept meanwhile and sent until they are acknowledged, and none is missing', async () => {
    const stream = freshStreamName('RESTART');
    await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
    const retries: unknown[] = [];
    await using publisher = createUsagePublisher({
      nats,
      stream,
      lingerMs: 0,
      onRetry: (error) => retries.push(error),
    });
    for (const number of range(1, 10)) publisher.publish(0, encodedEvent(number));
    await vi.waitFor(() => {
      expect(publisher.pending).toBe(0);
    });
    await kill();
    for (const number of range(11, 250)) publisher.publish(0, encodedEvent(number));
    expect(publisher.pending).toBe(240);
    server = await start(server.port);
    await vi.waitFor(
      () => {
        expect(publisher.pending).toBe(0);
      },
      { timeout: 9_000 },
    );
    const messages = await readUntil({ nats, stream, until: (all) => numbersOf(all).includes(250) });
    expect([...new Set(numbersOf(messages))]).toEqual(range(1, 250));
  }, 15_000);

  test('a reader that waited goes on or throws, and is not silent', async () => {
    const stream = freshStreamName('RESTART');
    await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
    await using publisher = createUsagePublisher({ nats, stream, lingerMs: 0 });
    publisher.publish(0, encodedEvent(1));
    const consumer = consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal });
    expect(numbersOf((await consumer.next()).value ?? [])).toEqual([1]);
    const next = consumer.next().then(
      ({ value }) => numbersOf(value ?? []),
      (error: unknown) => error,
    );
    await kill();
    server = await start(server.port);
    await vi.waitFor(
      () => {
        expect(connected).toBe(true);
      },
      { timeout: 5_000 },
    );
    const backMs = performance.now();
    publisher.publish(0, encodedEvent(2));
    const outcome = await next;
    expect(performance.now() - backMs).toBeLessThan(6_000);
    // which of the two it is decides whether the caller has to begin again
    expect(outcome).toBeInstanceOf(Error);
    const messages = await readUntil({ nats, stream, fromSeq: 2, until: (all) => all.length > 0 });
    expect(numbersOf(messages)).toEqual([2]);
  }, 20_000);
});

test('events whose acknowledgement did not come in time are sent again, and stored once', async () => {
  const stream = freshStreamName('RESTART');
  await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
  const retried = Promise.withResolvers<undefined>();
  await using publisher = createUsagePublisher({
    nats,
    stream,
    lingerMs: 0,
    onRetry: () => {
      retried.resolve(undefined);
    },
  });
  process.kill(server.pid, 'SIGSTOP');
  publisher.publish(0, encodedEvent(1));
  await retried.promise;
  process.kill(server.pid, 'SIGCONT');
  await vi.waitFor(
    () => {
      expect(publisher.pending).toBe(0);
    },
    { timeout: 5_000 },
  );
  publisher.publish(0, encodedEvent(2));
  const messages = await readUntil({ nats, stream, until: (all) => numbersOf(all).includes(2) });
  expect(numbersOf(messages)).toEqual([1, 2]);
});

test('when NATS comes back with an empty store, a reader throws, and the stream made anew is another one', async () => {
  const stream = freshStreamName('RESTART');
  await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
  const first = await incarnationOf(nats, stream);
  await using publisher = createUsagePublisher({ nats, stream, lingerMs: 0 });
  publisher.publish(0, encodedEvent(1));
  const consumer = consumeUsage({ nats, stream, partition: 0, fromSeq: 1, signal });
  await consumer.next();
  const next = consumer.next().catch((error: unknown) => error);
  await kill();
  await rm(join(directory, 'nats'), { recursive: true });
  server = await start(server.port);
  await vi.waitFor(
    () => {
      expect(connected).toBe(true);
    },
    { timeout: 5_000 },
  );
  await vi.waitFor(
    async () => {
      await ensureUsageStream(nats, { stream, maxBytes: 1024 * 1024 });
    },
    { timeout: 9_000 },
  );
  expect(await next).toBeInstanceOf(Error);
  expect(await incarnationOf(nats, stream)).not.toBe(first);
}, 20_000);
