import { createHistogram, performance } from 'node:perf_hooks';

/** What one measurement saw. */
export interface Count {
  /** Granted and given back, in the time that is measured. */
  readonly slots: number;
  readonly wallMs: number;
  /** From asking to having; undefined where nobody is asked. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Of the whole run, with its beginning and its end. */
  readonly allSlots: number;
}

/** A way to take slots and to give them back, as fast as it goes. */
export interface Load extends AsyncDisposable {
  /** To be called before each run; what it costs is not measured. */
  readonly prepare?: () => Promise<void>;
  /** Runs until the meter stops. */
  readonly run: (meter: Meter) => Promise<void>;
}

const NANOSECONDS = 1e6;
const MAX_TRIES = 100;

/** Counts while something runs. */
export class Meter {
  stopped = false;
  #slots = 0;
  #latency = createHistogram({ highest: 60_000 * NANOSECONDS });

  count(slots: number): void {
    this.#slots += slots;
  }

  asked(sinceMs: number): void {
    this.#latency.record(Math.max(1, Math.round((performance.now() - sinceMs) * NANOSECONDS)));
  }

  /** Runs the load, and measures when it is at its speed. */
  static async measure(
    load: Load,
    { rampMs, measureMs }: { readonly rampMs: number; readonly measureMs: number },
  ): Promise<Count> {
    const meter = new Meter();
    const running = load.run(meter);
    await elapse(rampMs, running);
    const [startedMs, before] = [performance.now(), meter.#slots];
    meter.#latency.reset();
    // a machine that has no time for it gets more, up to a bound
    for (let tries = 0; tries < MAX_TRIES && (tries === 0 || meter.#slots === before); tries += 1) {
      await elapse(measureMs, running);
    }
    const wallMs = performance.now() - startedMs;
    const slots = meter.#slots - before;
    const latency = meter.#latency;
    const of = (percent: number): number | undefined =>
      latency.count === 0 ? undefined : latency.percentile(percent) / NANOSECONDS;
    const [p50Ms, p99Ms] = [of(50), of(99)];
    meter.stopped = true;
    await running;
    return { slots, wallMs, p50Ms, p99Ms, allSlots: meter.#slots };
  }
}

/** The time, unless the load fails before. */
async function elapse(ms: number, running: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, running]).finally(() => {
    clearTimeout(timer);
  });
}
