import { OmgError } from '@omg/errors';
import type { FastifyInstance } from 'fastify';

export interface Listening {
  readonly port: number;
}

/** Throws a clear error where the address is taken. */
export async function startListening(app: FastifyInstance, host: string, port: number): Promise<Listening> {
  try {
    const address = new URL(await app.listen({ host, port }));
    return { port: Number(address.port) };
  } catch (error) {
    throw new OmgError(
      'unavailable',
      `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
