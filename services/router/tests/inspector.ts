import { once } from 'node:events';
import { pause } from '@omg/service';
import { z } from 'zod';

export interface InspectedProcess {
  readonly pid: number | undefined;
  /** Where its inspector listens once SIGUSR1 has come. */
  readonly port: number;
}

/** A process' inspector, as debuggers use it. */
export interface Inspector extends Disposable {
  /** The result of a method of its protocol. */
  readonly call: (method: string) => Promise<unknown>;
}

const Targets = z.array(z.object({ webSocketDebuggerUrl: z.string() })).min(1);
const Answer = z.object({ id: z.number(), result: z.unknown() });
const LOOK_EVERY_MS = 20;

export async function openInspector({ pid, port }: InspectedProcess, signal: AbortSignal): Promise<Inspector> {
  if (pid === undefined) throw new Error('the process to be inspected does not run');
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorUrl(port, signal));
  await once(socket, 'open', { signal });
  let last = 0;
  return {
    call: async (method) => {
      last += 1;
      const id = last;
      socket.send(JSON.stringify({ id, method }));
      return await answerTo(socket, id, signal);
    },
    [Symbol.dispose]: () => {
      socket.close();
    },
  };
}

async function answerTo(socket: WebSocket, id: number, signal: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const onMessage = ({ data }: MessageEvent): void => {
    const answer = Answer.safeParse(JSON.parse(String(data)));
    if (answer.data?.id === id) resolve(answer.data.result);
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
