import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  burstAnswer,
  INPUT_TOKENS,
  jsonAnswer,
  markerOf,
  OUTPUT_TOKENS,
  pacedEvent,
  pacedHead,
  streamEnd,
  type ExchangeName,
} from './exchanges.ts';

/** What an upstream would charge for. */
export interface UpstreamBooks {
  /** Answered in full. */
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Pace {
  readonly everyMs: number;
  readonly events: number;
}

/** An upstream that does next to nothing: it reads requests from bare sockets and writes answers that are there already. */
export interface LeanUpstream extends AsyncDisposable {
  readonly port: number;
  readonly books: () => UpstreamBooks;
  /** Of the paced streams that are asked for from now on. */
  setPace: (pace: Pace) => void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const JSON_ANSWER = jsonAnswer();
const BURST_ANSWERS = { with: burstAnswer(true), without: burstAnswer(false) };
const PACED_HEAD = pacedHead();
const TICK_MS = 5;

export async function startLeanUpstream(): Promise<LeanUpstream> {
  const books = { requests: 0, inputTokens: 0, outputTokens: 0 };
  const sockets = new Set<Socket>();
  const paced = new PacedStreams(() => {
    note();
  });
  const note = (): void => {
    books.requests += 1;
    books.inputTokens += INPUT_TOKENS;
    books.outputTokens += OUTPUT_TOKENS;
  };
  const answer = (socket: Socket, request: Buffer): void => {
    const withUsage = request.includes('"include_usage":true', 0, 'latin1');
    const asks = (name: ExchangeName): boolean => request.includes(markerOf(name), 0, 'latin1');
    if (asks('paced')) {
      paced.begin(socket, withUsage);
      return;
    }
    note();
    if (asks('json')) socket.write(JSON_ANSWER);
    else socket.write(withUsage ? BURST_ANSWERS.with : BURST_ANSWERS.without);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const size = requestBytes(pending);
      if (size === undefined || pending.length < size) return;
      const request = pending.subarray(0, size);
      pending = pending.subarray(size);
      answer(socket, request);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listen(server);
  return {
    port,
    books: () => ({ ...books }),
    setPace: (pace) => {
      paced.pace = pace;
    },
    async [Symbol.asyncDispose]() {
      paced[Symbol.dispose]();
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
  return address.port;
}

/** Head and body together; undefined while the head is not there in full. */
function requestBytes(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
  return headEnd + HEAD_END.length + Number(length ?? 0);
}

interface PacedStream {
  readonly socket: Socket;
  readonly withUsage: boolean;
  left: number;
  nextMs: number;
}

/** One timer for all streams, each of which is due at a time of its own. */
class PacedStreams implements Disposable {
  pace: Pace = { everyMs: 100, events: 1 };
  readonly #onWhole: () => void;
  readonly #streams = new Set<PacedStream>();
  readonly #timer: NodeJS.Timeout;

  constructor(onWhole: () => void) {
    this.#onWhole = onWhole;
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS).unref();
  }

  begin(socket: Socket, withUsage: boolean): void {
    socket.write(PACED_HEAD);
    const { everyMs, events } = this.pace;
    this.#streams.add({ socket, withUsage, left: events, nextMs: performance.now() + Math.random() * everyMs });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { everyMs } = this.pace;
    const nowMs = performance.now();
    for (const stream of this.#streams) {
      if (stream.socket.destroyed) this.#streams.delete(stream);
      if (stream.socket.destroyed || stream.nextMs > nowMs) continue;
      stream.nextMs += everyMs;
      stream.left -= 1;
      if (stream.left >= 0) {
        stream.socket.write(pacedEvent(performance.now(), stream.withUsage));
      } else {
        stream.socket.write(streamEnd(stream.withUsage));
        this.#streams.delete(stream);
        this.#onWhole();
      }
    }
  }
}
