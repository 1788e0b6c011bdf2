import { once } from 'node:events';
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib';

import type { Scenario } from './scenario.ts';

/** Content coding that passes every event on at once, as a compressing edge does for a stream. */
export interface Encoder extends Disposable {
  readonly encode: (bytes: Buffer) => Promise<Buffer>;
  readonly end: () => Promise<Buffer>;
}

const MAKE = { gzip: createGzip, deflate: createDeflate, br: createBrotliCompress, zstd: createZstdCompress };

export function createEncoder(encoding: Exclude<Scenario['encoding'], 'identity'>): Encoder {
  const stream = MAKE[encoding]();
  const readAll = (): Buffer => {
    const chunks: Buffer[] = [];
    for (let chunk: unknown = stream.read(); Buffer.isBuffer(chunk); chunk = stream.read()) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return {
    encode: async (bytes) => {
      const chunks: Buffer[] = [];
      const collect = (): void => void chunks.push(readAll());
      stream.on('readable', collect);
      stream.write(bytes);
      await new Promise<void>((resolve) => {
        stream.flush(resolve);
      });
      stream.off('readable', collect);
      collect();
      return Buffer.concat(chunks);
    },
    end: async () => {
      const chunks: Buffer[] = [];
      const ended = once(stream, 'end');
      stream.on('readable', () => void chunks.push(readAll()));
      stream.end();
      await ended;
      return Buffer.concat(chunks);
    },
    [Symbol.dispose]: () => {
      stream.destroy();
    },
  };
}
