import { processCpuMs, residentBytes } from '@omg/bench';
import { pause } from '@omg/service';
import type { BenchWorld } from './bench-world.ts';
import { faultsOf, readBooks, readCharged } from './books.ts';
import { requestBody, type Exchange } from './exchanges.ts';
import { wireRequest } from './lean-client.ts';
import type { LoadResult, Target } from './load.ts';
import { profileWhile } from './profile-router.ts';
import type { Variant } from './variants.ts';

/** What one measurement came to. */
export interface Figures {
  readonly perS: number;
  /** Undefined where nothing stands between client and upstream. */
  readonly cpuUs: number | undefined;
  /** The part of a core that the measured process used. */
  readonly busy: number | undefined;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly memoryBytes: number | undefined;
  /** Empty where the books are right. */
  readonly faults: readonly string[];
}

export interface MeasureOptions {
  readonly world: BenchWorld;
  readonly variant: Variant;
  readonly exchange: Exchange;
  readonly load: (target: Target) => Promise<LoadResult>;
  /** What is counted: answers, or so many events of each. */
  readonly eventsEach: number;
  /** Where a profile of the router goes, and what it is called. */
  readonly profile: { readonly directory: string; readonly name: string } | undefined;
}

export async function measure(options: MeasureOptions): Promise<Figures> {
  const { world, variant, exchange, load, eventsEach, profile } = options;
  const { upstream, router, signal } = world;
  const ledger = variant.name === 'omg' ? router.ledger : undefined;
  const before = { charged: ledger === undefined ? undefined : await readBooks(ledger), upstream: upstream.books() };
  const target = {
    port: variant.port,
    request: wireRequest(variant.path, variant.headers, requestBody(exchange)),
    signal,
  };
  const cpuBeforeMs = await processCpuMs(variant.pid);
  const run = async (): Promise<LoadResult> => await load(target);
  const result =
    profile === undefined || ledger === undefined
      ? await run()
      : await profileWhile({ pid: variant.pid, port: router.inspectorPort }, { ...profile, signal }, run);
  const cpuAfterMs = await processCpuMs(variant.pid);
  const memoryBytes = await residentBytes(variant.pid);
  const { good, bad, wallMs } = result;
  const booked = upstream.books();
  const faults = faultsOf({
    good,
    bad,
    upstream: {
      requests: booked.requests - before.upstream.requests,
      inputTokens: booked.inputTokens - before.upstream.inputTokens,
      outputTokens: booked.outputTokens - before.upstream.outputTokens,
    },
    charged:
      ledger === undefined || before.charged === undefined
        ? undefined
        : await readCharged(ledger, { before: before.charged, requests: good + bad, signal }),
  });
  const count = good * eventsEach;
  const cpuMs = cpuAfterMs === undefined || cpuBeforeMs === undefined ? undefined : cpuAfterMs - cpuBeforeMs;
  const tookMs = result.tookMs.toSorted((a, b) => a - b);
  const at = (part: number): number => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * part))] ?? 0;
  return {
    perS: (count / wallMs) * 1_000,
    cpuUs: cpuMs === undefined ? undefined : (cpuMs * 1_000) / count,
    busy: cpuMs === undefined ? undefined : cpuMs / wallMs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    memoryBytes,
    faults,
  };
}

export interface MemoryFigures {
  /** By quarter of the time, the most that was seen. */
  readonly quarterBytes: readonly number[];
  readonly figures: Figures;
}

const SAMPLE_EVERY_MS = 500;

/** Looks at the process's memory while it works. */
export async function watchMemory(options: MeasureOptions): Promise<MemoryFigures> {
  const samples: number[] = [];
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      samples.push((await residentBytes(options.variant.pid)) ?? 0);
      await pause(SAMPLE_EVERY_MS, done.signal);
    }
  })();
  const figures = await measure({ ...options, profile: undefined }).finally(() => {
    done.abort();
  });
  await watching;
  const quarter = Math.ceil(samples.length / 4);
  const quarterBytes = [0, 1, 2, 3].map((index) =>
    Math.max(0, ...samples.slice(index * quarter, (index + 1) * quarter)),
  );
  return { quarterBytes, figures };
}
