import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from './refusal.ts';

export interface BodyReaderOptions {
  /** Asked for each request: the bound may change while the server runs. */
  readonly maxBytes: () => number;
  /** Asked before the body is read of which there is much, or nobody knows how much; throws where it is not to be. */
  readonly admitLarge?: (request: FastifyRequest) => Promise<void>;
}

/** What anybody may send: questions, without what they are about. */
const SMALL_BYTES = 64 * 1024;

/**
 * Bodies come as the bytes that were sent, whatever type they say they have. Compressed ones are refused: no SDK sends
 * them, and unpacking what strangers made costs the loop that all streams share.
 */
export function registerBodyReader(app: FastifyInstance, { maxBytes, admitLarge }: BodyReaderOptions): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    // nobody will look at it
    if (request.is404) return undefined;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding.trim().toLowerCase() !== 'identity') throw unsupported(encoding);
    const announced = Number(payload.headers['content-length']);
    const bound = maxBytes();
    if (announced > bound) throw tooLarge(bound);
    if (!(announced <= SMALL_BYTES)) await admitLarge?.(request);
    return await readBody(payload, announced, bound);
  });
}

async function readBody(payload: IncomingMessage, announced: number, maxBytes: number): Promise<Buffer> {
  if (payload.destroyed) throw cutOff();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const onData = (chunk: Buffer): void => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) reject(tooLarge(maxBytes));
    else chunks.push(chunk);
  };
  const onEnd = (): void => {
    // what closes now is whole: an error for nobody, with its stack, is what it would cost
    payload.off('close', onCut);
    if (Number.isNaN(announced) || announced === sizeBytes) resolve(Buffer.concat(chunks, sizeBytes));
    else reject(new Refusal({ kind: 'bad_request', message: 'the body has another length than content-length says' }));
  };
  // a client that leaves in the middle; nobody reads what it is told
  const onCut = (): void => {
    reject(cutOff());
  };
  payload.on('data', onData).once('end', onEnd).once('error', onCut).once('close', onCut);
  try {
    return await promise;
  } finally {
    payload.off('data', onData).off('end', onEnd).off('close', onCut);
  }
}

function cutOff(): Refusal {
  return new Refusal({ kind: 'bad_request', message: 'the body ended before it was whole' });
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal({ kind: 'body_too_large', message: `the request body is larger than ${maxBytes} bytes` });
}

function unsupported(encoding: string): Refusal {
  return new Refusal({
    kind: 'unsupported_encoding',
    message: `the request body has the content-encoding ${JSON.stringify(encoding.slice(0, 64))}: send it uncompressed`,
    headers: { 'accept-encoding': 'identity' },
  });
}
