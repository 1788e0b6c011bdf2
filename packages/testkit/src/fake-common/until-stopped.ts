/** Resolves with the signal's name at the first SIGTERM or SIGINT. */
export async function untilStopped(): Promise<string> {
  return await new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** One JSON line on standard output: what a supervisor reads. */
export function logLine(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}
