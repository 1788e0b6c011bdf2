import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { guardOrphan } from '@omg/embedded';
import { pause } from '@omg/service';
import { freePort, LOOPBACK } from './free-port.ts';

export interface NodeProcessOptions {
  /** The whole command line. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A process with an operations listener. */
export interface NodeProcess extends AsyncDisposable {
  readonly grpcAddress: string;
  /** User and system, of all its threads. */
  readonly cpuMs: () => Promise<number>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Starts it and waits until it says that it is ready. */
export async function startNodeProcess({ command, env, signal }: NodeProcessOptions): Promise<NodeProcess> {
  const [grpcAddress, opsAddress] = [`${LOOPBACK}:${await freePort()}`, `${LOOPBACK}:${await freePort()}`];
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    // what it complains of is for people, not for the table
    stdio: ['ignore', process.stderr.fd, 'inherit'],
    env: { ...cleanEnvironment(), ...env, GRPC_LISTEN: grpcAddress, OPS_LISTEN: opsAddress },
    detached: true,
  });
  await once(child, 'spawn');
  const guard = guardOrphan(child.pid ?? 0);
  const exited = once(child, 'exit').finally(guard.release);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
    while (!(await answersOk(`http://${opsAddress}/readyz`, deadline))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${args.join(' ')} did not start`);
      await pause(LOOK_EVERY_MS, deadline);
      deadline.throwIfAborted();
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { grpcAddress, cpuMs: async () => await readCpuMs(opsAddress, signal), [Symbol.asyncDispose]: stop };
}

/** Settings of whoever measures must not change what is measured. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const names = new Set(['PATH', 'HOME', 'TMPDIR', 'NODE_COMPILE_CACHE', 'OMG_CACHE_DIR', 'XDG_CACHE_HOME']);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.has(name)));
}

async function answersOk(url: string, signal: AbortSignal): Promise<boolean> {
  return await fetch(url, { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function readCpuMs(address: string, signal: AbortSignal): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`, { signal })).text();
  const [, seconds] = /^process_cpu_seconds(?:_total)?(?:{[^}]*})? (\S+)/m.exec(text) ?? [];
  if (seconds === undefined) throw new Error(`${address} does not tell its CPU time`);
  return Number(seconds) * 1_000;
}
