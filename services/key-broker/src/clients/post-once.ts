import { request as requestPlain, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connectThrough, type ProxyAddress } from '@omg/proxy-connect';

const CONNECT_TIMEOUT_MS = 10_000;
/** No answer to a small request is longer; what is beyond is not read. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export interface PostOptions {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Undefined: directly. */
  readonly proxy: ProxyAddress | undefined;
  readonly signal: AbortSignal;
}

export interface PostAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** One POST on a connection of its own. Throws a ProxyError, the signal's reason, or what Node says. */
export async function postOnce(url: URL, { headers, body, proxy, signal }: PostOptions): Promise<PostAnswer> {
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  const tunnel =
    proxy === undefined
      ? undefined
      : await connectThrough(proxy, { host: url.hostname, port }, { timeoutMs: CONNECT_TIMEOUT_MS, signal });
  const options: RequestOptions = {
    method: 'POST',
    headers: [...headers, 'host', url.host, 'content-length', String(Buffer.byteLength(body))],
    signal,
    ...(tunnel === undefined ? { agent: false } : { createConnection: () => (isTls ? startTls(tunnel, url) : tunnel) }),
  };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      (isTls ? requestTls : requestPlain)(url, options).once('response', resolve).on('error', reject).end(body);
    });
    const { statusCode: status = 0, headers: said } = answer;
    return { status, contentType: said['content-type'], body: await readSome(answer) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    tunnel?.destroy();
  }
}

function startTls(socket: Socket, { hostname }: URL): Socket {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return connectTls({ socket, host, ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 ? { servername: host } : {}) });
}

/** Whoever stops reading an IncomingMessage closes its connection. */
async function readSome(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
