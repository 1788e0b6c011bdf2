import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { CommandFailure } from '../failures.ts';

/** What a command is told besides its command line. */
export interface Input {
  /** Somebody can be asked. */
  readonly interactive: boolean;
  /** The whole of a file, or of stdin for `-`; throws a CommandFailure that does not quote it. */
  readText: (path: string) => Promise<string>;
  /** The line that is answered; empty where the input ends. */
  ask: (question: string) => Promise<string>;
}

export interface InputParts {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly signal: AbortSignal;
}

const MAX_BYTES = 64 * 1024 * 1024;

export function createInput({ stdin, stderr, signal }: InputParts): Input {
  return {
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    readText: async (path) => {
      const name = path === '-' ? 'stdin' : path;
      try {
        return await readAll(addAbortSignal(signal, path === '-' ? stdin : createReadStream(path)), name);
      } catch (error) {
        if (error instanceof CommandFailure || signal.aborted) throw error;
        throw new CommandFailure(`${name} cannot be read (${error instanceof Error ? error.message : String(error)})`, {
          cause: error,
        });
      }
    },
    ask: async (question) => {
      // not as a terminal: Ctrl-C is to stay with the process
      const lines = createInterface({ input: stdin, output: stderr, terminal: false });
      const ended = Promise.withResolvers<string>();
      lines.once('close', () => {
        ended.resolve('');
      });
      try {
        return await Promise.race([lines.question(question, { signal }), ended.promise]);
      } finally {
        lines.close();
      }
    },
  };
}

async function readAll(stream: Readable, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    // neither stream has an encoding set, so that chunks are buffers
    const bytes = Buffer.from(chunk as Uint8Array); // oxlint-disable-line typescript/no-unsafe-type-assertion
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_BYTES) throw new CommandFailure(`${name} is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    chunks.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new CommandFailure(`${name} is not UTF-8 text`, { cause: error });
  }
}
