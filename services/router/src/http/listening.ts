import { OmgError } from '@omg/errors';
import { pause } from '@omg/service';
import type { FastifyInstance } from 'fastify';

export interface Listening extends AsyncDisposable {
  readonly port: number;
  /**
   * Takes what comes for so long: who sends it may not have heard yet that this router is not ready. Then it takes nothing
   * new, and resolves when what runs has come to its end or the signal is aborted.
   */
  drain: (signal: AbortSignal, pauseMs?: number) => Promise<void>;
}

const IDLE_CHECK_MS = 20;

/** Throws a clear error where the address is taken. Disposing breaks off what still runs. */
export async function startListening(app: FastifyInstance, host: string, port: number): Promise<Listening> {
  const address = new URL(await listen(app, host, port));
  let closing: PromiseLike<unknown> | undefined;
  // closing twice is one closing
  const close = async (): Promise<void> => {
    closing ??= app.close();
    await closing;
  };
  return {
    port: Number(address.port),
    drain: async (signal, pauseMs = 0) => {
      // whoever comes again is better off with a new connection, to another router
      app.server.prependListener('request', (_request, response) => {
        response.shouldKeepAlive = false;
      });
      await pause(pauseMs, signal);
      const { promise: aborted, resolve } = Promise.withResolvers<void>();
      if (signal.aborted) resolve();
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
      // Node closes what is idle when the closing begins; a connection that was busy then is kept alive for its client
      const timer = setInterval(() => {
        app.server.closeIdleConnections();
      }, IDLE_CHECK_MS);
      await Promise.race([close(), aborted]);
      clearInterval(timer);
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await close();
    },
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OmgError('unavailable', `cannot listen on ${host}:${port}: ${reason}`, { cause: error });
  }
}
