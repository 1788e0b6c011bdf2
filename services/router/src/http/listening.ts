import { OmgError } from '@omg/errors';
import type { FastifyInstance } from 'fastify';

export interface Listening extends AsyncDisposable {
  readonly port: number;
  /** Takes nothing new, and resolves when what runs has come to its end or the signal is aborted. */
  drain: (signal: AbortSignal) => Promise<void>;
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
    drain: async (signal) => {
      const { promise: aborted, resolve } = Promise.withResolvers<void>();
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
