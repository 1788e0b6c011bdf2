import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Where what runs: what is measured has a core of its own. */
export interface Cores {
  readonly description: string;
  /** The command line that runs this one on the core of what is measured. */
  readonly measured: (command: readonly string[]) => readonly string[];
  /** Moves a process that runs already there, with all its threads. */
  readonly move: (pid: number) => void;
  /** The same as `measured` for a second one that is measured beside it: on a third core if there is one, else on that of the others. */
  readonly second: (command: readonly string[]) => readonly string[];
}

const MEASURED_CORE = '0';
const OTHER_CORE = '1';
const THIRD_CORE = '2';

/** Moves this process, and with it what it starts, out of the way of what is measured; where that is possible. */
export function divideCores(measured: string): Cores {
  const unpinned = (why: string): Cores => ({
    description: `not pinned: ${why}`,
    measured: (command) => command,
    move: () => undefined,
    second: (command) => command,
  });
  const cores = availableParallelism();
  if (cores < 2) return unpinned('there is one core');
  try {
    move(process.pid, OTHER_CORE);
  } catch {
    return unpinned('taskset is not there, or may not do it');
  }
  const on =
    (core: string) =>
    (command: readonly string[]): readonly string[] => ['taskset', '-c', core, ...command];
  return {
    description: `${measured} on core ${MEASURED_CORE}; load, MongoDB and NATS on core ${OTHER_CORE}`,
    measured: on(MEASURED_CORE),
    move: (pid) => {
      move(pid, MEASURED_CORE);
    },
    second: on(cores > 2 ? THIRD_CORE : OTHER_CORE),
  };
}

function move(pid: number, core: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', core, String(pid)], { stdio: 'ignore' });
}
