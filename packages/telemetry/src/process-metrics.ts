import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { observeGauge } from './observe-gauge.ts';

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** The process's own numbers, under the names that Prometheus' dashboards know. */
export function startProcessMetrics(meter: Meter): Disposable {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();

  meter
    .createObservableCounter('process_cpu_seconds', { description: 'CPU time, user and system' })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe((user + system) / MICROSECONDS);
    });
  const gauge = (name: string, description: string, read: Parameters<typeof observeGauge>[3]): void => {
    observeGauge(meter, name, description, read);
  };
  gauge('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss());
  gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'JavaScript heap', () => process.memoryUsage().heapTotal);
  gauge(
    'nodejs_external_memory_bytes',
    'Memory of buffers and other things outside the heap',
    () => process.memoryUsage().external,
  );
  gauge(
    'nodejs_active_resources',
    'Sockets, timers and other things that keep the process alive',
    () => process.getActiveResourcesInfo().length,
  );
  gauge('process_open_fds', 'Open file descriptors', countOpenFiles);
  gauge('process_start_time_seconds', 'When the process began, Unix time', () => performance.timeOrigin / 1_000);
  gauge('process_uptime_seconds', 'How long the process runs', () => process.uptime());
  meter
    .createObservableGauge('nodejs_eventloop_lag_seconds', { description: 'Event loop delay since the last reading' })
    .addCallback((result) => {
      for (const quantile of [50, 90, 99, 100]) {
        result.observe(delay.percentile(quantile) / NANOSECONDS, { quantile: String(quantile / 100) });
      }
      delay.reset();
    });
  return {
    [Symbol.dispose]() {
      delay.disable();
    },
  };
}

/** Undefined where the system has no /proc. */
async function countOpenFiles(): Promise<number | undefined> {
  return await readdir('/proc/self/fd').then(
    // one of them is the open folder itself
    (names) => names.length - 1,
    () => undefined,
  );
}
