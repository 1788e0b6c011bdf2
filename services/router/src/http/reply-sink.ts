import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ClientSink } from '../app/ports.ts';
import type { RawHeaders } from '../app/upstream.ts';

/** How long a client may take to fetch the last bytes before its connection is broken off. */
const LAST_WRITE_MS = 2_000;

/** The client's side of a request, over Node's own response: the framework has let go of it. */
export class ReplySink implements ClientSink {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Whether the client has been told a status. */
  get begun(): boolean {
    return this.#response.headersSent;
  }

  answer(status: number, headers: RawHeaders, body: Uint8Array): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, [...headers, 'content-length', String(body.length)]).end(body);
  }

  begin(status: number, headers: RawHeaders): void {
    if (this.#response.destroyed) return;
    const { socket } = this.#response;
    this.#response.writeHead(status, [...headers]);
    // the client learns at once that its stream has begun, not with the first chunk; one that is there goes with it
    socket?.cork();
    this.#response.flushHeaders();
    process.nextTick(() => socket?.uncork());
  }

  async write(bytes: Uint8Array): Promise<void> {
    // a client that left takes everything, and one that leaves drains nothing
    if (this.#response.destroyed || this.#response.write(bytes) || this.#response.destroyed) return;
    const settled = new AbortController();
    const { signal } = settled;
    await Promise.race([once(this.#response, 'drain', { signal }), once(this.#response, 'close', { signal })]);
    settled.abort();
  }

  end(): void {
    if (this.#response.destroyed) return;
    this.#response.end();
  }

  async breakOff(last: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, LAST_WRITE_MS);
    // destroying at once would lose the bytes, and those that were written just now; ending would hide that the answer is cut
    if (this.#response.destroyed) resolve();
    else
      this.#response.write(last, () => {
        resolve();
      });
    await promise;
    clearTimeout(deadline);
    this.#response.destroy();
  }
}
