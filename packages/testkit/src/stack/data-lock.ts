import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Takes a data directory for this process; throws a sentence where another one has it. A lock whose process is gone, or
 * whose pid meanwhile belongs to another process, is taken over.
 */
export function lockDataDirectory(dataDir: string): Disposable {
  const path = join(dataDir, 'lock');
  const holder = readHolder(path);
  if (holder !== undefined && startOf(holder.pid) === holder.start) {
    throw new Error(
      `Another scripts/up (pid ${holder.pid}) is using ${dataDir}; stop it, or choose another directory with --data.`,
    );
  }
  writeFileSync(path, `${process.pid} ${startOf(process.pid) ?? ''}\n`);
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function readHolder(path: string): { readonly pid: number; readonly start: string } | undefined {
  try {
    const [, pid, start = ''] = /^([1-9]\d*) (\d*)$/m.exec(readFileSync(path, 'utf8')) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid), start };
  } catch {
    return undefined;
  }
}

/** When a process began, as the kernel counts; empty where only its existence can be told, undefined where it is gone. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined;
  }
  try {
    // the second field is the program's name in parentheses, which may hold spaces
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
