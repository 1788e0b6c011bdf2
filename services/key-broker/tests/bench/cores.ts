import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Where what runs: what is measured has a core of its own. */
export interface Cores {
  readonly description: string;
  /** The command line that runs this one on the core of what is measured. */
  readonly measured: (command: readonly string[]) => readonly string[];
}

const MEASURED_CORE = '0';
const OTHER_CORE = '1';

/** Moves this process, and with it what it starts, out of the way of what is measured; where that is possible. */
export function divideCores(): Cores {
  const unpinned = (why: string): Cores => ({ description: `not pinned: ${why}`, measured: (command) => command });
  if (availableParallelism() < 2) return unpinned('there is one core');
  try {
    execFileSync('taskset', ['-a', '-c', '-p', OTHER_CORE, String(process.pid)], { stdio: 'ignore' });
  } catch {
    return unpinned('taskset is not there, or may not do it');
  }
  return {
    description: `broker on core ${MEASURED_CORE}; load, MongoDB and NATS on core ${OTHER_CORE}`,
    measured: (command) => ['taskset', '-c', MEASURED_CORE, ...command],
  };
}
