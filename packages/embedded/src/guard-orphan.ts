import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** Its input ends when the process that holds the other end is gone, however it went: even kill -9 closes it. */
const WATCH = `read -r _
kill -TERM "$1" 2>/dev/null
n=0
while [ "$n" -lt 100 ] && kill -0 "$1" 2>/dev/null; do n=$((n + 1)); sleep 0.1; done
kill -KILL -- "-$1" 2>/dev/null`;

/** Ends a process (the leader of its own group) when this one dies without having ended it; `release` it when it is gone. */
export function guardOrphan(pid: number): { readonly release: () => void } {
  const watch = spawn('sh', ['-c', WATCH, 'guard-orphan', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.unref();
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  return { release: () => void watch.kill('SIGKILL') };
}
