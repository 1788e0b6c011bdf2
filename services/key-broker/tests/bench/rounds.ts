import { performance } from 'node:perf_hooks';
import { machineCpuMs, type NodeProcess } from '@omg/bench';
import { Meter, type Load } from './load.ts';
import type { Row } from './rows.ts';

/** What one repetition of a row came to. */
export interface Figures {
  readonly slotsPerS: number;
  /** Of the broker's process, with all its threads. */
  readonly cpuUsPerSlot: number;
  /** Parts of a core. */
  readonly brokerBusy: number;
  readonly loadBusy: number;
  /** Everything else on the machine, MongoDB and NATS among it. */
  readonly othersBusy: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface Measured {
  readonly row: Row;
  readonly repetitions: readonly Figures[];
}

export interface RoundsOptions {
  readonly repetitions: number;
  readonly measureMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

const RAMP_MS = 150;
/** Until the code is compiled. */
const WARM_UP_MS = 1_200;

/** Measures all rows in turn, again and again, so that what the machine does meanwhile falls on all alike. */
export async function measureInTurn(rows: readonly Row[], options: RoundsOptions): Promise<readonly Measured[]> {
  const { repetitions, measureMs, signal, onProgress } = options;
  await using stack = new AsyncDisposableStack();
  const measured: { readonly row: Row; readonly load: Load; readonly repetitions: Figures[] }[] = [];
  for (const row of rows) {
    onProgress(`opening ${row.name}`);
    measured.push({ row, load: stack.use(await row.open()), repetitions: [] });
  }
  const warmUpMs = Math.min(WARM_UP_MS, 2 * measureMs);
  for (let round = 0; round <= repetitions; round += 1) {
    onProgress(round === 0 ? `warming up ${rows.length} rows` : `round ${round} of ${repetitions}`);
    // there and back again
    for (const { row, load, repetitions: figures } of round % 2 === 0 ? measured : measured.toReversed()) {
      signal.throwIfAborted();
      const result = await measure(row.process, load, round === 0 ? warmUpMs : measureMs);
      if (round > 0) figures.push(result);
    }
  }
  return measured;
}

async function measure(broker: NodeProcess, load: Load, measureMs: number): Promise<Figures> {
  await load.prepare?.();
  const brokerMs = await broker.cpuMs();
  const [loadMs, machineMs, startedMs] = [ownCpuMs(), machineCpuMs(), performance.now()];
  const count = await Meter.measure(load, { rampMs: RAMP_MS, measureMs });
  const ranMs = performance.now() - startedMs;
  const [loadCpuMs, machineTookMs] = [ownCpuMs() - loadMs, machineCpuMs() - machineMs];
  const brokerCpuMs = (await broker.cpuMs()) - brokerMs;
  return {
    slotsPerS: (count.slots / count.wallMs) * 1_000,
    cpuUsPerSlot: (brokerCpuMs * 1_000) / count.allSlots,
    brokerBusy: brokerCpuMs / ranMs,
    loadBusy: loadCpuMs / ranMs,
    othersBusy: Math.max(0, machineTookMs - loadCpuMs - brokerCpuMs) / ranMs,
    p50Ms: count.p50Ms,
    p99Ms: count.p99Ms,
  };
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
