import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const ANSWER_TIMEOUT_MS = 2_000;

/** Whether anybody accepts connections at `host:port`. */
export async function isListening(address: string, signal: AbortSignal): Promise<boolean> {
  return (await answerOf(address, 'connect', signal)) !== undefined;
}

/** What a server says first to whoever connects; undefined where none answers. */
export async function readFirstBytes(address: string, signal: AbortSignal): Promise<string | undefined> {
  return await answerOf(address, 'data', signal);
}

/** Whether a server could listen there. */
export async function isFreePort(host: string, port: number): Promise<boolean> {
  return (await listenOnce(host, port)) !== undefined;
}

/** A port that was free a moment ago. */
export async function pickFreePort(host: string): Promise<number> {
  const port = await listenOnce(host, 0);
  if (port === undefined) throw new Error(`${host} has no free port`);
  return port;
}

async function answerOf(address: string, event: 'connect' | 'data', signal: AbortSignal): Promise<string | undefined> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  const socket = connect({ host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port), signal: deadline });
  const answer = await new Promise<string | undefined>((resolve) => {
    socket.once(event, (bytes?: Buffer) => resolve(String(bytes ?? '')));
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
  socket.destroy();
  signal.throwIfAborted();
  return answer;
}

async function listenOnce(host: string, port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
