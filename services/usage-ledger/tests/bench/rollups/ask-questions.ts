import { processCpuMs, spreadOf } from '@omg/bench';
import type { ServedUsage } from './serve-usage.ts';
import type { Question } from './questions.ts';

export interface AskedQuestion {
  readonly name: string;
  /** Groups or points of the answer. */
  readonly rows: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly leastMs: number;
  /** Of an answer: of the service and of who asks it, which are threads of one process here. */
  readonly cpuMs: number;
  /** The same of mongod's, where that can be told. */
  readonly mongodCpuMs: number | undefined;
  readonly isWithin: boolean;
}

export interface AskQuestionsOptions {
  readonly questions: readonly Question[];
  readonly rounds: number;
  readonly targetMs: number;
  readonly mongodPid: number | undefined;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

// until the code that it runs is compiled
const ROUNDS_BEFORE = 5;

/** Each as often as there are rounds, after some that are not counted. */
export async function askQuestions(
  { usage }: ServedUsage,
  { questions, rounds, targetMs, mongodPid, onProgress, signal }: AskQuestionsOptions,
): Promise<readonly AskedQuestion[]> {
  const asked: AskedQuestion[] = [];
  for (const { name, ask } of questions) {
    let rows = 0;
    for (let round = 0; round < ROUNDS_BEFORE; round += 1) rows = await ask(usage, signal);
    const times: number[] = [];
    const [cpu, mongodMs] = [process.cpuUsage(), await processCpuMs(mongodPid)];
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      const beginMs = performance.now();
      await ask(usage, signal);
      times.push(performance.now() - beginMs);
    }
    const { user, system } = process.cpuUsage(cpu);
    const mongodToMs = await processCpuMs(mongodPid);
    const { median: medianMs, min: leastMs } = spreadOf(times);
    asked.push({
      name,
      rows,
      medianMs,
      p95Ms: times.toSorted((a, b) => a - b)[Math.ceil(rounds * 0.95) - 1] ?? Number.NaN,
      leastMs,
      cpuMs: (user + system) / 1_000 / rounds,
      mongodCpuMs: mongodMs === undefined || mongodToMs === undefined ? undefined : (mongodToMs - mongodMs) / rounds,
      isWithin: medianMs < targetMs,
    });
    onProgress(`${name}: ${medianMs.toFixed(1)} ms`);
  }
  return asked;
}
