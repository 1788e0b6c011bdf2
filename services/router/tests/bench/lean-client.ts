import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came of one request. */
export interface LeanAnswer {
  readonly status: number;
  /** It ended as such an answer has to end. */
  readonly isWhole: boolean;
  readonly tookMs: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
const DONE = Buffer.from('data: [DONE]');
/** As much of the end as is looked at. */
const TAIL_BYTES = 64;

/** A connection that asks one thing after the other, over a bare socket: it reads no more of an answer than it has to. */
export class LeanClient implements Disposable {
  readonly #socket: Socket;
  /** Sees the chunks of the answer as they come. */
  readonly #onChunk: ((chunk: Buffer) => void) | undefined;
  #settle: ((answer: LeanAnswer) => void) | undefined;
  #startedMs = 0;
  #status = 0;
  /** Undefined: it comes in chunks. */
  #leftBytes: number | undefined;
  #head: Buffer = Buffer.alloc(0);
  #inBody = false;
  #tail: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, onChunk: ((chunk: Buffer) => void) | undefined) {
    this.#socket = socket;
    this.#onChunk = onChunk;
    socket.on('data', (chunk: Buffer) => {
      this.#received(chunk);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#finish(false);
    });
  }

  static async open(port: number, onChunk?: (chunk: Buffer) => void): Promise<LeanClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new LeanClient(socket, onChunk);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  async ask(request: Buffer): Promise<LeanAnswer> {
    return await new Promise((resolve) => {
      this.#settle = resolve;
      this.#startedMs = performance.now();
      this.#status = 0;
      this.#inBody = false;
      this.#head = Buffer.alloc(0);
      this.#tail = Buffer.alloc(0);
      if (this.#socket.destroyed) this.#finish(false);
      else this.#socket.write(request);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    const body = this.#inBody ? chunk : this.#readHead(chunk);
    if (body === undefined) return;
    this.#onChunk?.(body);
    if (this.#leftBytes !== undefined) {
      this.#leftBytes -= body.length;
      if (this.#leftBytes <= 0) this.#finish(this.#leftBytes === 0);
      return;
    }
    this.#tail = body.length >= TAIL_BYTES ? body : Buffer.concat([this.#tail, body]);
    this.#tail = this.#tail.subarray(-TAIL_BYTES);
    if (!this.#tail.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) return;
    this.#finish(this.#tail.includes(DONE));
  }

  /** What follows the head; undefined while it is not there in full. */
  #readHead(chunk: Buffer): Buffer | undefined {
    const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) {
      this.#head = bytes;
      return undefined;
    }
    const head = bytes.toString('latin1', 0, end);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    this.#status = Number(head.slice(9, 12));
    this.#leftBytes = length === undefined ? undefined : Number(length);
    this.#inBody = true;
    return bytes.subarray(end + HEAD_END.length);
  }

  #finish(isWhole: boolean): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.({ status: this.#status, isWhole, tookMs: performance.now() - this.#startedMs });
  }
}

/** A request as it goes over the wire. */
export function wireRequest(path: string, headers: Readonly<Record<string, string>>, body: Buffer): Buffer {
  const lines = Object.entries({
    host: 'bench',
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}
