import { Agent, get } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startListening } from '../src/http/listening.ts';

let app: FastifyInstance;
let agent: Agent;
beforeEach(() => {
  app = Fastify();
  agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
  agent.destroy();
  app.server.closeAllConnections();
  await app.close();
});

async function fetchText(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get({ host: '127.0.0.1', port, agent }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => {
      resolve(text);
    });
  }).on('error', reject);
  return await promise;
}

test('a drain waits for the request that runs, and not for a client that keeps its connection', async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  app.get('/', async () => {
    arrived.resolve();
    await release.promise;
    return 'whole';
  });
  const listening = await startListening(app, '127.0.0.1', 0);
  const answer = fetchText(listening.port);
  await arrived.promise;
  let drained = false;
  const draining = listening.drain(AbortSignal.timeout(5_000)).then(() => {
    drained = true;
  });
  // what comes before that is still answered
  await vi.waitFor(() => {
    expect(app.server.listening).toBe(false);
  });
  await expect(fetch(`http://127.0.0.1:${listening.port}/`)).rejects.toThrow(/fetch failed/);
  expect(drained).toBe(false);
  release.resolve();
  expect(await answer).toBe('whole');
  await draining;
  // the end of the connections, not of the time
  expect(
    await new Promise((resolve) => {
      app.server.getConnections((_, count) => {
        resolve(count);
      });
    }),
  ).toBe(0);
});

test('a drain goes on taking what comes for a while, and ends each connection with its answer', async () => {
  app.get('/', async () => await Promise.resolve('whole'));
  const listening = await startListening(app, '127.0.0.1', 0);
  const url = `http://127.0.0.1:${listening.port}/`;
  const hurry = new AbortController();
  const draining = listening.drain(hurry.signal, 60_000);
  const response = await fetch(url);
  expect(await response.text()).toBe('whole');
  expect(response.headers.get('connection')).toBe('close');
  hurry.abort();
  await draining;
  await expect(fetch(url)).rejects.toThrow(/fetch failed/);
});

test('a drain whose time is over ends, and disposing breaks off what still runs', async () => {
  const arrived = Promise.withResolvers<void>();
  app.get('/', async () => {
    arrived.resolve();
    return await new Promise<never>(() => undefined);
  });
  const listening = await startListening(app, '127.0.0.1', 0);
  const answer = fetchText(listening.port);
  await arrived.promise;
  await listening.drain(AbortSignal.timeout(50));
  await Promise.all([expect(answer).rejects.toThrow(/socket hang up|ECONNRESET/), listening[Symbol.asyncDispose]()]);
});

test('a port that is taken is said in one sentence', async () => {
  const { port } = await startListening(app, '127.0.0.1', 0);
  await expect(startListening(Fastify(), '127.0.0.1', port)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
});
