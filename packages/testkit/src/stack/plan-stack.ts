import { join } from 'node:path';
import { compileCacheOf } from './compile-cache.ts';
import { SITES, brokerName, ledgerName, routerName, routerPart, type Part, type Site } from './parts.ts';
import {
  LOOPBACK,
  brokerPorts,
  ledgerPorts,
  routerPorts,
  stackAddresses,
  stackPorts,
  type StackAddresses,
} from './stack-addresses.ts';
import type { PlanOptions } from './stack-options.ts';

/** A port that one process of the stack listens on. */
export interface PlannedPort {
  readonly port: number;
  /** Whose it is, for the sentence that says it is taken. */
  readonly what: string;
}

export interface PlannedProcess {
  readonly name: string;
  readonly part: Part;
  readonly run: ServerRun | NodeRun;
  readonly ports: readonly PlannedPort[];
  /** Processes of one stage start together, after those of the stages before are ready. */
  readonly startStage: number;
  /** Processes of one stage stop together, after those of the stages before are gone. */
  readonly stopStage: number;
}

/** One of the two servers that @omg/embedded finds or fetches. */
export interface ServerRun {
  readonly kind: 'mongo' | 'nats';
  readonly dataDir: string;
  readonly port: number;
}

/** A file of this repository. */
export interface NodeRun {
  readonly kind: 'node';
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Answers 200 once the process serves. */
  readonly readyUrl: string;
}

export interface StackPlan {
  readonly processes: readonly PlannedProcess[];
  readonly addresses: StackAddresses;
  /** How long a process may take to stop before it is killed. */
  readonly stopTimeoutMs: number;
}

export const DEFAULT_USAGE_STREAM = 'USAGE';
const DEFAULT_DRAIN_TIMEOUT_MS = 10_000;
/** What a service needs beside its drain: closing connections, flushing its log. */
const STOP_MARGIN_MS = 3_000;

/** What would be started, with which values, in which order; nothing is started, looked up or written. */
export function planStack(options: PlanOptions): StackPlan {
  const addresses = stackAddresses(options);
  const context = { options, addresses };
  const all = [
    ...servers(options),
    fakeUpstream(context),
    ...keyBrokers(context),
    ...usageLedgers(context),
    ...routers(context),
  ];
  return {
    processes: all.filter(({ part }) => options.parts.includes(part)),
    addresses,
    stopTimeoutMs: (options.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS) + STOP_MARGIN_MS,
  };
}

/** The file that tells usage-ledger of its first tenants. */
export function bootstrapFile(dataDir: string): string {
  return join(dataDir, 'bootstrap.json');
}

interface Context {
  readonly options: PlanOptions;
  readonly addresses: StackAddresses;
}

function servers(options: PlanOptions): readonly PlannedProcess[] {
  const ports = stackPorts(options.portOffset);
  const server = (kind: 'mongo' | 'nats', stopStage: number): PlannedProcess => ({
    name: kind,
    part: kind,
    run: { kind, dataDir: join(options.dataDir, kind), port: ports[kind] },
    ports: [{ port: ports[kind], what: kind }],
    startStage: 0,
    stopStage,
  });
  return [
    ...(options.mongodbUrl === undefined ? [server('mongo', 4)] : []),
    ...(options.natsUrl === undefined ? [server('nats', 3)] : []),
  ];
}

function fakeUpstream({ options, addresses }: Context): PlannedProcess {
  const { fakeUpstream: port, fakeAdmin: adminPort } = stackPorts(options.portOffset);
  return {
    name: 'fake-upstream',
    part: 'fake-upstream',
    run: {
      kind: 'node',
      file: join(options.rootDir, 'packages/testkit/src/fake-upstream/main.ts'),
      args: ['--host', LOOPBACK, '--port', String(port), '--admin-port', String(adminPort)],
      env: { ...inherited(options), ...options.env?.['fake-upstream'] },
      readyUrl: `${addresses.fakeAdminUrl}/healthz`,
    },
    ports: [
      { port, what: 'fake-upstream' },
      { port: adminPort, what: 'fake-upstream administration' },
    ],
    startStage: 0,
    stopStage: 2,
  };
}

function keyBrokers(context: Context): readonly PlannedProcess[] {
  const { brokers = 1 } = context.options;
  return Array.from({ length: brokers }, (_, index) => keyBroker(context, index + 1));
}

function keyBroker({ options, addresses }: Context, replica: number): PlannedProcess {
  const { grpc, ops } = brokerPorts(replica, options.portOffset);
  return service(options, {
    name: brokerName(replica),
    part: 'key-broker',
    directory: 'key-broker',
    ports: [grpc, ops],
    stages: [1, 1],
    env: {
      GRPC_LISTEN: `${LOOPBACK}:${grpc}`,
      SERVICE_TOKENS: serviceTokens(options),
      KEY_ENCRYPTION_KEYS: `up:${options.secrets.encryptionKey}`,
      MONGODB_URL: addresses.mongodbUrl,
      MONGODB_DATABASE: addresses.brokerDatabase,
      NATS_URL: addresses.natsUrl,
      USAGE_STREAM: options.usageStream ?? DEFAULT_USAGE_STREAM,
      PROVIDERS: 'ohmygpt,openhands',
      ...upstreamEnv('openhands', options, addresses),
      ...upstreamEnv('ohmygpt', options, addresses),
    },
  });
}

function usageLedgers(context: Context): readonly PlannedProcess[] {
  const { ledgers = 1 } = context.options;
  return Array.from({ length: ledgers }, (_, index) => usageLedger(context, index + 1));
}

function usageLedger({ options, addresses }: Context, replica: number): PlannedProcess {
  const { grpc, ops } = ledgerPorts(replica, options.portOffset);
  return service(options, {
    name: ledgerName(replica),
    part: 'usage-ledger',
    directory: 'usage-ledger',
    ports: [grpc, ops],
    stages: [1, 1],
    env: {
      GRPC_LISTEN: `${LOOPBACK}:${grpc}`,
      SERVICE_TOKENS: serviceTokens(options),
      MONGODB_URL: addresses.mongodbUrl,
      MONGODB_DATABASE: addresses.ledgerDatabase,
      NATS_URL: addresses.natsUrl,
      USAGE_STREAM: options.usageStream ?? DEFAULT_USAGE_STREAM,
      ...refusalsStream(options),
      SITE_FILES: SITES.map((site) => siteFile(options, site)).join(','),
      BOOTSTRAP_FILE: bootstrapFile(options.dataDir),
    },
  });
}

function routers({ options, addresses }: Context): readonly PlannedProcess[] {
  return SITES.flatMap((site) =>
    Array.from({ length: options.routersPerSite }, (_, index) => {
      const name = routerName(site, index + 1);
      const { http, ops } = routerPorts(site, index + 1, options.portOffset);
      return service(options, {
        name,
        part: routerPart(site),
        directory: 'router',
        ports: [http, ops],
        stages: [2, 0],
        env: {
          SITE_FILE: siteFile(options, site),
          LISTEN: `${LOOPBACK}:${http}`,
          BROKER_ADDR: addresses.brokerAddrs.join(','),
          LEDGER_ADDR: addresses.ledgerAddrs.join(','),
          SERVICE_TOKEN: options.secrets.routerToken,
          NATS_URL: addresses.natsUrl,
          USAGE_STREAM: options.usageStream ?? DEFAULT_USAGE_STREAM,
          ...refusalsStream(options),
          JOURNAL_DIR: join(options.dataDir, 'journal', name),
          DRAIN_PAUSE: '0s',
        },
      });
    }),
  );
}

/** Stacks that share NATS have one each; else it is called as the services call it themselves. */
function refusalsStream({ usageStream = DEFAULT_USAGE_STREAM }: PlanOptions): Record<string, string> {
  return usageStream === DEFAULT_USAGE_STREAM ? {} : { REFUSALS_STREAM: `${usageStream}_REFUSALS` };
}

interface ServiceSpec {
  readonly name: string;
  readonly part: Part;
  readonly directory: string;
  /** What it serves on, and its operations listener. */
  readonly ports: readonly [number, number];
  /** When it starts, and when it stops. */
  readonly stages: readonly [number, number];
  readonly env: Readonly<Record<string, string>>;
}

function service(options: PlanOptions, spec: ServiceSpec): PlannedProcess {
  const [port, opsPort] = spec.ports;
  const [startStage, stopStage] = spec.stages;
  return {
    name: spec.name,
    part: spec.part,
    run: {
      kind: 'node',
      file: join(options.rootDir, 'services', spec.directory, 'src/main.ts'),
      args: [],
      env: {
        ...inherited(options),
        OMG_ENV: 'dev',
        OPS_LISTEN: `${LOOPBACK}:${opsPort}`,
        INSTANCE: spec.name,
        DRAIN_TIMEOUT: `${options.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS}ms`,
        ...(options.logLevel === undefined ? {} : { LOG_LEVEL: options.logLevel }),
        ...(options.otlpEndpoint === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: options.otlpEndpoint }),
        ...(options.gitCommit === undefined ? {} : { GIT_COMMIT: options.gitCommit }),
        ...spec.env,
        ...options.env?.[spec.part],
      },
      readyUrl: `http://${LOOPBACK}:${opsPort}/readyz`,
    },
    ports: [
      { port, what: spec.name },
      { port: opsPort, what: `${spec.name} operations` },
    ],
    startStage,
    stopStage,
  };
}

function inherited({ baseEnv }: PlanOptions): PlanOptions['baseEnv'] {
  return { ...baseEnv, NODE_COMPILE_CACHE: compileCacheOf(baseEnv) };
}

/** A real upstream's keys go to its real address; nothing but fake keys ever goes to the fake one. */
function upstreamEnv(site: Site, options: PlanOptions, addresses: StackAddresses): Record<string, string> {
  const name = site.toUpperCase();
  const real = options.upstreamKeys?.[site] ?? [];
  if (real.length > 0) return { [`${name}_API_KEYS`]: real.join(',') };
  return {
    [`${name}_API_KEYS`]: [1, 2, 3].map((number) => `fake-${site}-key-${number}`).join(','),
    [`${name}_BASE_URL`]: `${addresses.fakeUrl}/${site}`,
    [`${name}_BACKUP_BASE_URL`]: `${addresses.fakeUrl}/${site}-backup`,
  };
}

function serviceTokens({ secrets }: PlanOptions): string {
  return `router=${secrets.routerToken},operator=${secrets.operatorToken}`;
}

function siteFile(options: PlanOptions, site: Site): string {
  return options.siteFiles?.[site] ?? join(options.rootDir, 'deploy/config', `${site}.dev.json`);
}
