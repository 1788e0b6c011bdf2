import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnvironment, freePort, type Cores } from '@omg/bench';
import { cacheDir, guardOrphan } from '@omg/embedded';
import { pause } from '@omg/service';
import { LeanClient } from './lean-client.ts';

/** Something between the client and the upstream. */
export interface Variant {
  readonly name: 'direct' | 'nginx' | 'bare' | 'omg' | 'portkey';
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: there is nothing to measure. */
  readonly pid: number | undefined;
}

/** Why one cannot be had here. */
export class Unavailable extends Error {}

export interface VariantOptions {
  readonly cores: Cores;
  readonly upstreamPort: number;
  /** For its files. */
  readonly directory: string;
  readonly stack: AsyncDisposableStack;
  readonly signal: AbortSignal;
}

const PATH = '/v1/chat/completions';
const START_TIMEOUT_MS = 30_000;
const PORTKEY = '@portkey-ai/gateway@1.15.2';

export async function startNginx({ directory, ...options }: VariantOptions): Promise<Variant> {
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  // one process: what it needs can be read off it, and one core is what all variants have
  await writeFile(
    file,
    `daemon off; master_process off; pid ${join(directory, 'nginx.pid')}; error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory};
  upstream lean { server 127.0.0.1:${options.upstreamPort}; keepalive 4096; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096; keepalive_requests 10000000; client_body_buffer_size 64k;
    location / { proxy_pass http://lean; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`,
  );
  const command = ['nginx', '-p', directory, '-c', file, '-e', 'stderr'];
  return await startVariant('nginx', { ...options, port, command });
}

export async function startBare(options: VariantOptions): Promise<Variant> {
  const port = await freePort();
  return await startVariant('bare', {
    ...options,
    port,
    command: [process.execPath, join(import.meta.dirname, 'bare-main.ts')],
    env: { PORT: String(port), UPSTREAM: `http://127.0.0.1:${options.upstreamPort}` },
  });
}

/** Another gateway, from npm: nothing that the product needs. */
export async function startPortkey(options: VariantOptions): Promise<Variant> {
  const directory = join(cacheDir(process.env), 'bench', PORTKEY.replaceAll(/\W+/g, '-'));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"private":true}');
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', PORTKEY];
  const npm = spawn('npm', install, { cwd: directory, stdio: 'ignore', signal: options.signal });
  await once(npm, 'exit').catch((error: unknown) => {
    throw new Unavailable(`npm cannot be run: ${String(error)}`);
  });
  if (npm.exitCode !== 0) throw new Unavailable(`npm install ${PORTKEY} failed`);
  const port = await freePort();
  const main = join(directory, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const variant = await startVariant('portkey', {
    ...options,
    port,
    command: [process.execPath, main, `--port=${port}`, '--headless'],
  });
  const host = `http://127.0.0.1:${options.upstreamPort}/v1`;
  return { ...variant, headers: { ...variant.headers, 'x-portkey-provider': 'openai', 'x-portkey-custom-host': host } };
}

interface Started extends Omit<VariantOptions, 'directory'> {
  readonly port: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function startVariant(
  name: Variant['name'],
  { cores, stack, signal, port, command, env }: Started,
): Promise<Variant> {
  const [program = '', ...args] = cores.measured(command);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', process.stderr.fd],
    env: { ...cleanEnvironment(), ...env },
    detached: true,
  });
  await once(child, 'spawn').catch((error: unknown) => {
    throw new Unavailable(`${program} cannot be run: ${String(error)}`);
  });
  const { pid = 0 } = child;
  const guard = guardOrphan(pid);
  const exited = once(child, 'exit').finally(guard.release);
  stack.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null || deadline.aborted)
      throw new Unavailable(`${command[0] ?? ''} did not start`);
    await pause(50, deadline);
  }
  // taskset becomes the program that it runs
  return { name, port, path: PATH, headers: { authorization: 'Bearer sk-bench' }, pid };
}

async function accepts(port: number): Promise<boolean> {
  try {
    using client = await LeanClient.open(port);
    return client.isOpen;
  } catch {
    return false;
  }
}
