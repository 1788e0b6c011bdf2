import { connect } from 'node:net';
import { once } from 'node:events';
import { startTelemetry, type Telemetry } from '@omg/telemetry';
import { afterAll, expect, test } from 'vitest';
import { Readiness, startOpsListener, type OpsListener } from '../src/index.ts';

const lines: string[] = [];
const telemetry: Telemetry = startTelemetry({
  service: 'router',
  version: '1.2.3',
  instance: 'r',
  logLevel: 'info',
  logDestination: { write: (line) => void lines.push(line) },
});
afterAll(async () => {
  await telemetry[Symbol.asyncDispose]();
});

async function start(
  readiness = new Readiness(telemetry.logger),
  broken = false,
): Promise<OpsListener & { readonly url: string }> {
  const listener = await startOpsListener({
    host: '127.0.0.1',
    port: 0,
    telemetry: broken
      ? { ...telemetry, metricsText: async () => await Promise.reject(new Error('no numbers')) }
      : telemetry,
    readiness,
    version: { name: 'router', version: '1.2.3', commit: 'abc' },
  });
  return { ...listener, url: `http://127.0.0.1:${listener.port}` };
}

test('each route answers, and others do not', async () => {
  await using ops = await start();
  const get = async (path: string, init?: RequestInit): Promise<Response> => await fetch(ops.url + path, init);
  expect(await (await get('/')).text()).toContain('/metrics');
  expect(await (await get('/healthz')).text()).toBe('ok\n');
  const metrics = await get('/metrics?x=1');
  expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
  expect(await metrics.text()).toContain('omg_build_info{service="router"');
  expect(await (await get('/version')).json()).toEqual({
    name: 'router',
    version: '1.2.3',
    commit: 'abc',
    node: process.version,
    startedAt: new Date(performance.timeOrigin).toISOString(),
  });
  expect((await get('/nothing')).status).toBe(404);
  expect((await get('/constructor')).status).toBe(404);
  const posted = await get('/healthz', { method: 'POST' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect(await (await get('/healthz', { method: 'HEAD' })).text()).toBe('');
});

test('/readyz names every check that fails and why, and asks those that can be asked', async () => {
  const readiness = new Readiness(telemetry.logger);
  await using ops = await start(readiness);
  const readyz = async (): Promise<unknown> => {
    const response = await fetch(`${ops.url}/readyz`);
    return { status: response.status, report: await response.json() };
  };
  expect(await readyz()).toEqual({ status: 503, report: { ready: false, failing: { phase: 'starting' } } });
  readiness.serve();
  expect(await readyz()).toEqual({ status: 200, report: { ready: true, failing: {} } });

  let answer: true | string = 'no pong';
  readiness.set('mongo', 'cannot reach mongodb://root:Canary7@db');
  readiness.check('nats', () => answer);
  readiness.check('broker', async () => await Promise.reject(new Error('deadline exceeded')));
  readiness.check('ledger', async () => await new Promise<never>(() => undefined));
  expect(await readyz()).toEqual({
    status: 503,
    report: {
      ready: false,
      failing: {
        mongo: 'cannot reach mongodb://[redacted]@db',
        nats: 'no pong',
        broker: 'deadline exceeded',
        ledger: 'no answer within 1000 ms',
      },
    },
  });
  answer = true;
  expect(await readyz()).not.toHaveProperty('report.failing.nats');
});

test('a change of a check is logged once, not at every question', async () => {
  const readiness = new Readiness(telemetry.logger);
  let answer: true | string = 'no pong';
  readiness.check('nats', () => answer);
  lines.length = 0;
  await readiness.report();
  await readiness.report();
  answer = true;
  await readiness.report();
  await readiness.report();
  expect(lines.map((line) => /"msg":"([^"]*)"/.exec(line)?.[1])).toEqual(['not ready', 'ready again']);
});

test('metrics that cannot be read are a 500 and a line in the log, and the listener goes on', async () => {
  await using ops = await start(undefined, true);
  lines.length = 0;
  expect((await fetch(`${ops.url}/metrics`)).status).toBe(500);
  expect(lines.join('')).toContain('no numbers');
  expect((await fetch(`${ops.url}/healthz`)).status).toBe(200);
});

test.each([
  ['kept alive', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['in the middle of a request', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HT'],
])('a connection that is %s does not hold up the end', async (_, sent) => {
  const ops = await start();
  const socket = connect(ops.port, '127.0.0.1');
  socket.write(sent);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  const startedMs = performance.now();
  await ops[Symbol.asyncDispose]();
  await closed;
  expect(performance.now() - startedMs).toBeLessThan(500);
});

test('a taken port is told in one sentence', async () => {
  await using ops = await start();
  await expect(
    startOpsListener({
      host: '127.0.0.1',
      port: ops.port,
      telemetry,
      readiness: new Readiness(telemetry.logger),
      version: { name: 'x', version: '1' },
    }),
  ).rejects.toThrow(/the operations listener cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});
