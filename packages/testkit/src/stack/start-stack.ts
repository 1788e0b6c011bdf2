import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readEnvironment } from '@omg/config';
import { connectToMongo, connectToNats, type Server } from '@omg/embedded';
import { PARTS } from './parts.ts';
import { bootstrapFile, planStack, type PlannedProcess, type StackPlan } from './plan-stack.ts';
import { findTakenPort, reservePorts, type PortReservation } from './ports.ts';
import { makeSecrets, writeSecretFile } from './secrets.ts';
import type { StackAddresses } from './stack-addresses.ts';
import type { PlanOptions, StackEvents, StackOptions, StackSecrets, StackTenant } from './stack-options.ts';
import { StackProcess } from './stack-process.ts';

/** The whole gateway as real processes, to be killed and started again at will. Processes go by the names of data/pids. */
export interface Stack extends AsyncDisposable {
  readonly addresses: StackAddresses;
  readonly secrets: StackSecrets;
  readonly dataDir: string;
  readonly names: readonly string[];
  /** Undefined while it is down. */
  readonly pid: (name: string) => number | undefined;
  /** The newest lines of its output (2,000 at most), as they came. */
  readonly logs: (name: string) => readonly string[];
  /** As a signal from outside; with SIGKILL it waits until the process is gone. */
  readonly kill: (name: string, signal?: NodeJS.Signals) => Promise<void>;
  /** SIGTERM, and SIGKILL if that does not end it in time. */
  readonly stop: (name: string) => Promise<void>;
  /** A new process with the same ports and data, ready when this resolves; one that still runs is stopped first. */
  readonly restart: (name: string) => Promise<void>;
  /** SIGKILL for everything: what a second Ctrl-C does. */
  readonly killAll: () => void;
}

const START_TIMEOUT_MS = 60_000;
export const ROOT_DIR = resolve(import.meta.dirname, '../../../..');

/** Starts what is asked for and waits until all of it serves; where that fails, nothing is left running. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const ownDataDir = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'omg-stack-')) : undefined;
  const unplaced = withDefaults(options, ownDataDir);
  const place: PortReservation =
    options.portOffset === undefined
      ? await reservePorts((portOffset) => planStack({ ...unplaced, portOffset }))
      : { portOffset: options.portOffset, [Symbol.dispose]: () => undefined };
  const planOptions = { ...unplaced, portOffset: place.portOffset };
  const { dataDir, secrets } = planOptions;
  const plan = planStack(planOptions);
  writeFiles(planOptions, options.tenants);
  const closing = new AbortController();
  const signal = AbortSignal.any([closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const processes = new Map(plan.processes.map((planned) => [planned.name, supervise(planned)]));

  function supervise(planned: PlannedProcess): StackProcess {
    const { name } = planned;
    const process = new StackProcess({
      planned,
      rootDir: planOptions.rootDir,
      env: planOptions.baseEnv,
      onProgress: (line) => options.events?.onProgress?.(line),
      dataDir,
      logFile: join(dataDir, 'logs', `${name}.log`),
      startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
      onLine: (line) => options.events?.onLine?.(name, line),
      onPid: () => options.events?.onPids?.(),
      onDeath: (exit, ranMs) => options.events?.onDeath?.({ name, exit, ranMs, lastWords: process.lastWords }),
    });
    return process;
  }

  function find(name: string): StackProcess {
    const process = processes.get(name);
    if (process !== undefined) return process;
    throw new Error(`the stack has no process ${name}; it has ${[...processes.keys()].join(', ')}`);
  }

  async function start(process: StackProcess): Promise<void> {
    const startedMs = performance.now();
    await process.start(signal);
    options.events?.onReady?.({
      name: process.planned.name,
      source: process.source,
      tookMs: performance.now() - startedMs,
    });
  }

  async function close(): Promise<void> {
    closing.abort(new Error('the stack is stopping'));
    for (const stage of stages([...processes.values()], ({ planned }) => planned.stopStage)) {
      await Promise.all(stage.map(async (process) => await process.stop(plan.stopTimeoutMs)));
    }
    for (const process of processes.values()) process[Symbol.dispose]();
    place[Symbol.dispose]();
    if (ownDataDir !== undefined) rmSync(ownDataDir, { recursive: true, force: true });
  }

  let closed: Promise<void> | undefined;
  const dispose = async (): Promise<void> => await (closed ??= close());
  try {
    await refuseTakenPorts(plan);
    await lookAtGivenServers(planOptions, signal, options.events);
    for (const stage of stages([...processes.values()], ({ planned }) => planned.startStage))
      await Promise.all(stage.map(start));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    addresses: plan.addresses,
    secrets,
    dataDir,
    names: [...processes.keys()],
    pid: (name) => find(name).pid,
    logs: (name) => find(name).lines,
    kill: async (name, killSignal = 'SIGKILL') => await find(name).kill(killSignal),
    stop: async (name) => await find(name).stop(plan.stopTimeoutMs),
    restart: async (name) => {
      const process = find(name);
      await process.stop(plan.stopTimeoutMs);
      await process.start(signal);
    },
    killAll: () => {
      for (const process of processes.values()) void process.kill('SIGKILL');
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function withDefaults(options: StackOptions, ownDataDir: string | undefined): Omit<PlanOptions, 'portOffset'> {
  const unshared = randomBytes(4).toString('hex');
  return {
    rootDir: ROOT_DIR,
    routersPerSite: 1,
    parts: PARTS,
    secrets: makeSecrets(),
    baseEnv: inheritedEnv(),
    ...(options.mongodbUrl === undefined ? {} : { databasePrefix: `stack_${unshared}_` }),
    ...(options.natsUrl === undefined ? {} : { usageStream: `USAGE_${unshared}` }),
    ...options,
    dataDir: resolve(options.dataDir ?? ownDataDir ?? '.'),
  };
}

async function refuseTakenPorts({ processes }: StackPlan): Promise<void> {
  const taken = await findTakenPort(processes.flatMap(({ ports }) => ports));
  if (taken === undefined) return;
  throw new Error(
    `Port ${taken.port} (${taken.what}) is taken by another program; stop that one or shift all ports with --port-offset.`,
  );
}

/** What others run is checked before anything depends on it. */
async function lookAtGivenServers(given: PlanOptions, signal: AbortSignal, events: StackEvents = {}): Promise<void> {
  const { mongodbUrl, natsUrl } = given;
  const startedMs = performance.now();
  const ready = (name: string, { description }: Server): void =>
    events.onReady?.({ name, source: `${description}, given`, tookMs: performance.now() - startedMs });
  if (mongodbUrl !== undefined) ready('mongo', await connectToMongo(mongodbUrl, signal));
  if (natsUrl !== undefined) ready('nats', await connectToNats(natsUrl, signal));
}

/** Settings of whoever runs the tests must not change what is tested. */
function inheritedEnv(): Record<string, string | undefined> {
  const names = new Set(['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE', 'OMG_CACHE_DIR', 'XDG_CACHE_HOME']);
  return Object.fromEntries(Object.entries(readEnvironment()).filter(([name]) => names.has(name)));
}

function writeFiles({ dataDir, secrets }: PlanOptions, tenants: readonly StackTenant[] | undefined): void {
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const path = bootstrapFile(dataDir);
  // one that is there may have been extended by hand
  if (tenants === undefined && existsSync(path)) return;
  writeSecretFile(path, `${JSON.stringify({ tenants: tenants ?? [demoTenant(secrets.clientKey)] }, null, 2)}\n`);
}

function demoTenant(clientKey: string): StackTenant {
  return {
    id: 'demo',
    name: 'Demo',
    type: 'organization',
    creditsUsd: '100',
    keys: [{ id: 'demo-key', name: 'first key', key: clientKey }],
  };
}

/** Groups in the order of their stage. */
function stages<T>(items: readonly T[], stageOf: (item: T) => number): readonly (readonly T[])[] {
  return [...Map.groupBy(items, stageOf)].toSorted(([a], [b]) => a - b).map(([, group]) => group);
}
