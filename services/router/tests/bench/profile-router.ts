import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from '@omg/service';
import { z } from 'zod';

export interface RunningRouter {
  readonly pid: number | undefined;
  readonly inspectorPort: number;
}

const Targets = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const Answer = z.object({ id: z.number(), result: z.looseObject({ profile: z.unknown().optional() }) });
const LOOK_EVERY_MS = 20;

/** Takes a CPU profile of the router while something runs, and of nothing before and after. */
export async function profileWhile<T>(
  { pid, inspectorPort }: RunningRouter,
  { directory, name, signal }: { readonly directory: string; readonly name: string; readonly signal: AbortSignal },
  run: () => Promise<T>,
): Promise<T> {
  if (pid === undefined) throw new Error('the router does not run');
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorUrl(inspectorPort, signal));
  await once(socket, 'open', { signal });
  let last = 0;
  const call = async (method: string): Promise<unknown> => {
    last += 1;
    const id = last;
    socket.send(JSON.stringify({ id, method }));
    return await answerTo(socket, id, signal);
  };
  try {
    await call('Profiler.enable');
    await call('Profiler.start');
    const result = await run();
    const profile = await call('Profiler.stop');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `${name}.cpuprofile`), JSON.stringify(profile));
    return result;
  } finally {
    socket.close();
  }
}

async function answerTo(socket: WebSocket, id: number, signal: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const onMessage = ({ data }: MessageEvent): void => {
    const answer = Answer.safeParse(JSON.parse(String(data)));
    if (answer.data?.id === id) resolve(answer.data.result.profile);
  };
  const onAbort = (): void => {
    reject(signal.reason);
  };
  socket.addEventListener('message', onMessage);
  socket.addEventListener('close', onAbort);
  signal.addEventListener('abort', onAbort);
  try {
    return await promise;
  } finally {
    socket.removeEventListener('message', onMessage);
    socket.removeEventListener('close', onAbort);
    signal.removeEventListener('abort', onAbort);
  }
}

async function inspectorUrl(port: number, signal: AbortSignal): Promise<string> {
  for (;;) {
    signal.throwIfAborted();
    const response = await fetch(`http://127.0.0.1:${port}/json/list`, { signal }).catch(() => undefined);
    if (response !== undefined) return Targets.parse(await response.json())[0]?.webSocketDebuggerUrl ?? '';
    await pause(LOOK_EVERY_MS, signal);
  }
}
