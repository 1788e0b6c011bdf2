import { once } from 'node:events';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  constants,
} from 'node:zlib';
import { contentCoding, type ContentCoding } from '@omg/llm-wire';
import { UpstreamError, type UpstreamResponse } from './upstream.ts';

type Decoder = ReturnType<typeof createGunzip> | ReturnType<typeof createBrotliDecompress>;

// an end that is missing is for the answer's own terms to judge: its terminal event, its last bracket
const LENIENT = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<ContentCoding, (first: number) => Decoder>> = {
  gzip: () => createGunzip(LENIENT),
  // some leave out the zlib header, which begins so
  deflate: (first) => ((first & 0x0f) === 8 ? createInflate(LENIENT) : createInflateRaw(LENIENT)),
  br: () =>
    createBrotliDecompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
    }),
  zstd: () =>
    createZstdDecompress({
      flush: constants.ZSTD_e_flush,
      finishFlush: constants.ZSTD_e_flush,
      // 8 MiB, more than which nobody may send in HTTP
      params: { [constants.ZSTD_d_windowLogMax]: 23 },
    }),
};

/**
 * The same answer with a body that can be read, where its upstream compressed it although it was asked not to. What
 * comes of a chunk is passed on before the next one is asked for, in pieces that stay small whatever it unpacks to.
 */
export function decodedAnswer(response: UpstreamResponse): UpstreamResponse {
  const coding = contentCoding(response.headers);
  return coding === undefined ? response : { ...response, body: decodedBody(response.body, coding) };
}

const MAX_KEPT_BYTES = 64 * 1024 * 1024;

export interface KeptAnswer {
  readonly response: UpstreamResponse;
  /** What has been read of it. */
  readonly bytes: () => Uint8Array;
}

/** The same answer, and its bytes as they came once it was read. */
export function keepBytes(response: UpstreamResponse): KeptAnswer {
  const chunks: Uint8Array[] = [];
  return {
    response: { ...response, body: keeping(response.body, chunks) },
    bytes: () => Buffer.concat(chunks),
  };
}

async function* keeping(body: AsyncIterable<Uint8Array>, chunks: Uint8Array[]): AsyncIterable<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_KEPT_BYTES) throw new UpstreamError('reset', new Error('the compressed answer is too large'));
    chunks.push(chunk);
    yield chunk;
  }
}

async function* decodedBody(
  body: AsyncIterable<Uint8Array>,
  coding: ContentCoding | 'unknown',
): AsyncIterable<Uint8Array> {
  let decoder: Decoder | undefined;
  try {
    for await (const chunk of body) {
      if (chunk.length === 0) continue;
      if (coding === 'unknown') throw new Error('the answer is compressed in a way that nobody asked for');
      decoder ??= DECODERS[coding](chunk[0] ?? 0).on('error', () => undefined);
      yield* decodedChunk(decoder, chunk);
    }
    if (decoder === undefined) return;
    decoder.end();
    // typed as anything, and made of bytes
    for await (const rest of decoder as AsyncIterable<Uint8Array>) yield rest;
  } catch (error) {
    throw error instanceof UpstreamError ? error : new UpstreamError('reset', error);
  } finally {
    decoder?.destroy();
  }
}

async function* decodedChunk(decoder: Decoder, chunk: Uint8Array): AsyncIterable<Uint8Array> {
  const settled = new AbortController();
  const { signal } = settled;
  let isTaken = false;
  const taken = new Promise<void>((resolve, reject) => {
    decoder.write(chunk, (error) => {
      isTaken = true;
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
  // told where it is waited for, and to nobody else
  taken.catch(() => undefined);
  try {
    for (;;) {
      const piece: unknown = decoder.read();
      if (piece instanceof Uint8Array) yield piece;
      else if (isTaken) break;
      else await Promise.race([taken, once(decoder, 'readable', { signal })]);
    }
    await taken;
  } finally {
    settled.abort();
  }
}
