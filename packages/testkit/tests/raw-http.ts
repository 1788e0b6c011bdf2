import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface RawResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The pieces in which the body arrived. */
  readonly chunks: readonly Buffer[];
  readonly body: Buffer;
  /** `end` when the framing was whole, else the error's code. */
  readonly outcome: string;
}

export interface RawRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Called with each piece of the body; may destroy the client's socket. */
  readonly onChunk?: (chunk: Buffer, socket: Socket) => void;
}

const DEADLINE_MS = 8_000;

/** One request with node:http, on a connection of its own, without decoding anything. */
export async function send(url: string, options: RawRequest = {}): Promise<RawResponse> {
  const { path = '/v1/chat/completions', method = 'POST', headers = {}, body, onChunk } = options;
  const req = request(new URL(path, url), {
    method,
    headers: { authorization: 'Bearer key-1', ...headers },
    agent: false,
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  req.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  return await new Promise((resolve, reject) => {
    req.on('error', reject);
    req.once('response', (res) => {
      // From here on the response's own error says how it ended.
      req.off('error', reject).on('error', () => null);
      const chunks: Buffer[] = [];
      const settle = (outcome: string): void =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, chunks, body: Buffer.concat(chunks), outcome });
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        onChunk?.(chunk, res.socket);
      });
      res.once('end', () => settle('end'));
      res.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    });
  });
}

/** Writes text to a connection and answers what came back and how it ended: `end` (FIN) or an error's code (RST). */
export async function sendBytes(
  port: number,
  text: string,
): Promise<{ readonly text: string; readonly outcome: string }> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, signal: AbortSignal.timeout(DEADLINE_MS) });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const outcome = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  await once(socket, 'connect');
  socket.write(text);
  const how = await outcome;
  socket.destroy();
  return { text: Buffer.concat(chunks).toString('utf8'), outcome: how };
}

/** A connection that has sent the text and reads nothing yet. */
export async function openConnection(port: number, text: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  socket.write(text);
  return socket;
}

export function postText(path: string, body: unknown, key = 'key-1'): string {
  const json = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer ${key}\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

/** Polls until the condition holds; rejects with the last value when it never does. */
export async function until<T>(get: () => T, holds: (value: T) => boolean, timeoutMs = 3_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = get();
    if (holds(value)) return value;
    if (performance.now() > deadline) throw new Error(`The condition never held; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
