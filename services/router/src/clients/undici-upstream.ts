import { Agent, errors, request as send, type Dispatcher } from 'undici';
import { UpstreamError, type Upstream, type UpstreamFault, type UpstreamRequest } from '../app/ports.ts';

export interface UndiciUpstreamOptions {
  readonly connectTimeoutMs: number;
}

/** Upstreams by undici. Its own time limits of 300 s would cut long answers, so every limit is set here. */
export class UndiciUpstream implements Upstream, AsyncDisposable {
  readonly #agent: Agent;

  constructor({ connectTimeoutMs }: UndiciUpstreamOptions) {
    this.#agent = new Agent({
      connect: { timeout: connectTimeoutMs },
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
    });
  }

  async send(request: UpstreamRequest): ReturnType<Upstream['send']> {
    const response = await attempt(
      request.signal,
      async () =>
        await send(request.url, {
          method: 'POST',
          dispatcher: this.#agent,
          headers: [...request.headers],
          body: request.body,
          headersTimeout: request.headersTimeoutMs,
          bodyTimeout: request.idleTimeoutMs,
          signal: request.signal,
        }),
    );
    return { status: response.statusCode, headers: response.headers, body: readBody(response, request.signal) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

async function* readBody(response: Dispatcher.ResponseData, signal: AbortSignal): AsyncIterable<Uint8Array> {
  // undici types it as a stream of anything; it is one of bytes
  const chunks: AsyncIterator<Uint8Array, undefined> = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await attempt(signal, async () => await chunks.next());
      if (done === true) return;
      yield value;
    }
  } finally {
    // whoever stops reading is done with the answer: its socket must not wait for the rest
    response.body.on('error', () => undefined).destroy();
  }
}

async function attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UpstreamError(signal.aborted ? 'aborted' : faultOf(error), error);
  }
}

function faultOf(error: unknown): UpstreamFault {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return 'timeout';
  if (error instanceof errors.ConnectTimeoutError) return 'connect';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'].includes(code) ? 'connect' : 'reset';
}
