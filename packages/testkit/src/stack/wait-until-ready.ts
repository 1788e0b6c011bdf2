import { setTimeout as delay } from 'node:timers/promises';

const ASK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 1_000;

/** Asks until the answer is 200; rejects when the signal says so, with its reason. */
export async function waitUntilReady(url: string, signal: AbortSignal): Promise<void> {
  while (!(await answersOk(url, signal))) await delay(ASK_EVERY_MS, undefined, { signal });
}

async function answersOk(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
