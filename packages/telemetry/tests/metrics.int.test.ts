import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { latencyHistogram, startTelemetry } from '../src/index.ts';

test("metrics come out as Prometheus text: the service's own, the process' and what runs here", async () => {
  await using telemetry = startTelemetry({
    service: 'router',
    version: '1.2.3',
    instance: 'r1',
    commit: 'abc',
    logLevel: 'silent',
  });
  telemetry.meter
    .createCounter('omg_router_requests', { description: 'Requests taken' })
    .add(2, { site: 'open"hands' });
  latencyHistogram(telemetry.meter, 'omg_router_duration_seconds', 'How long requests took').record(0.3, {
    dialect: 'openai',
  });

  const text = await telemetry.metricsText();
  expect(text).toContain('# HELP omg_router_requests_total Requests taken\n# TYPE omg_router_requests_total counter\n');
  expect(text).toContain('omg_router_requests_total{site="open\\"hands"} 2\n');
  expect(text).toContain('omg_router_duration_seconds_bucket{dialect="openai",le="0.25"} 0\n');
  expect(text).toContain('omg_router_duration_seconds_bucket{dialect="openai",le="0.5"} 1\n');
  expect(text).toContain(`omg_build_info{service="router",version="1.2.3",commit="abc",node="${process.version}"} 1\n`);
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
    'process_uptime_seconds',
    'process_start_time_seconds',
    'nodejs_active_resources',
  ]) {
    expect(text).toMatch(new RegExp(`^${name} [0-9.e+-]+$`, 'm'));
  }
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds\{quantile="0.99"\} [0-9.e+-]+$/m);
});

test("the event loop's delay is seen when something blocks it, and forgotten by the next reading", async () => {
  await using telemetry = startTelemetry({ service: 'router', version: '1', instance: 'r1', logLevel: 'silent' });
  const worst = async (): Promise<number> =>
    Number(/lag_seconds\{quantile="1"\} (\S+)/.exec(await telemetry.metricsText())?.[1]);
  const worstOfBlocked = async (): Promise<number> => {
    const blockUntilMs = performance.now() + 200;
    while (performance.now() < blockUntilMs);
    await nextTurn();
    await nextTurn();
    return await worst();
  };
  // a block is seen between two ticks, and the reading before it began the count anew
  await expect.poll(worstOfBlocked, { interval: 60, timeout: 5_000 }).toBeGreaterThan(0.15);
  expect(await worst()).toBeLessThan(0.15);
});
