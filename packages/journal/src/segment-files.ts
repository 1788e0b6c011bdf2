import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  rmdirSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ALIVE_SOCKET } from './alive-socket.ts';
import { systemCode } from './journal-error.ts';

/** The segments of one epoch on a disk. Writing is synchronous: what has returned survives kill -9. */
export interface SegmentFiles {
  /** Ascending. */
  list(): number[];
  /** Undefined when it was removed. */
  read(index: number): Promise<Buffer | undefined>;
  /** Makes or empties segment `index`; appends go there from now on. */
  create(index: number): void;
  /** May throw after writing a part. */
  append(bytes: Uint8Array): void;
  /** Removes what follows `sizeBytes` from the segment. */
  truncate(index: number, sizeBytes: number): void;
  unlink(index: number): void;
  /** Makes what was appended so far survive the loss of the node as well. */
  sync(): Promise<void>;
  close(): void;
  /** Removes the folder, which has no segment left. */
  removeFolder(): void;
}

const SEGMENT_NAME = /^(\d{10})\.seg$/;

export class SegmentFolder implements SegmentFiles {
  readonly #folder: string;
  #current: { readonly index: number; readonly fd: number } | undefined;
  #unsynced = new Set<number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  list(): number[] {
    return readdirSync(this.#folder)
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  async read(index: number): Promise<Buffer | undefined> {
    return await ifItExists(readFile(this.#path(index)));
  }

  create(index: number): void {
    // O_APPEND, so that a write after a truncation leaves no hole.
    const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
    const fd = openSync(this.#path(index), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
    this.close();
    this.#current = { index, fd };
  }

  append(bytes: Uint8Array): void {
    if (this.#current === undefined) throw new Error('append before create');
    this.#unsynced.add(this.#current.index);
    let written = 0;
    // A short write is no error to the kernel; the next one tells why.
    while (written < bytes.length) written += writeSync(this.#current.fd, bytes, written);
  }

  truncate(index: number, sizeBytes: number): void {
    if (this.#current?.index === index) ftruncateSync(this.#current.fd, sizeBytes);
    else truncateSync(this.#path(index), sizeBytes);
  }

  unlink(index: number): void {
    if (this.#current?.index === index) this.close();
    rmSync(this.#path(index), { force: true });
  }

  async sync(): Promise<void> {
    if (this.#unsynced.size === 0) return;
    const segments = Array.from(this.#unsynced, (index) => this.#path(index));
    this.#unsynced = new Set();
    for (const path of [...segments, this.#folder, dirname(this.#folder)]) {
      // A descriptor of its own: the one for appending may be closed meanwhile.
      const file = await ifItExists(open(path));
      try {
        await file?.sync();
      } finally {
        await file?.close();
      }
    }
  }

  close(): void {
    if (this.#current === undefined) return;
    closeSync(this.#current.fd);
    this.#current = undefined;
  }

  removeFolder(): void {
    rmSync(join(this.#folder, ALIVE_SOCKET), { force: true });
    try {
      rmdirSync(this.#folder);
    } catch (error) {
      // Taken by an adopter, who finds it empty.
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }

  #path(index: number): string {
    return join(this.#folder, `${String(index).padStart(10, '0')}.seg`);
  }
}

async function ifItExists<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
