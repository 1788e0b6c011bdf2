import type { LogLine } from './log-line.ts';
import type { Part, Site } from './parts.ts';
import type { Exit } from './restart-policy.ts';

/** What is made once for a stack and kept with its data. */
export interface StackSecrets {
  /** The token that routers present to the other services. */
  readonly routerToken: string;
  /** The token of whoever calls the services from outside. */
  readonly operatorToken: string;
  /** A key that clients present, with credits. */
  readonly clientKey: string;
  /** What key-broker encrypts upstream keys with, in base64. */
  readonly encryptionKey: string;
}

/** A tenant that usage-ledger knows from its start. */
export interface StackTenant {
  readonly id: string;
  readonly name: string;
  readonly type: 'organization' | 'personal';
  readonly creditsUsd: string;
  /** As the bootstrap file has them. */
  readonly limits?: object;
  readonly budget?: object | 'none';
  readonly keys: readonly StackClientKey[];
}

export interface StackClientKey {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly limits?: object;
  readonly budget?: object;
}

/** Everything that decides what a stack consists of; `planStack` adds nothing of its own. */
export interface PlanOptions {
  /** The repository. */
  readonly rootDir: string;
  readonly dataDir: string;
  /** Added to every port. */
  readonly portOffset: number;
  readonly routersPerSite: number;
  /** Replicas of key-broker; 1 unless given. */
  readonly brokers?: number;
  /** Replicas of usage-ledger; 1 unless given. */
  readonly ledgers?: number;
  /** What to start; the others are expected at the addresses they would have had. */
  readonly parts: readonly Part[];
  readonly secrets: StackSecrets;
  /** Instead of a MongoDB of the stack's own. */
  readonly mongodbUrl?: string;
  /** Instead of a NATS of the stack's own. */
  readonly natsUrl?: string;
  /** Put before the databases' names, for stacks that share a MongoDB. */
  readonly databasePrefix?: string;
  /** JetStream's stream for usage events, for stacks that share a NATS. */
  readonly usageStream?: string;
  /** Keys of a real upstream, by site; the fake upstream is behind the others. */
  readonly upstreamKeys?: Partial<Record<Site, readonly string[]>>;
  /** Instead of the repository's development site files. */
  readonly siteFiles?: Partial<Record<Site, string>>;
  readonly logLevel?: string;
  readonly drainTimeoutMs?: number;
  readonly otlpEndpoint?: string;
  readonly gitCommit?: string;
  /** What every process inherits. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  /** Further values for the processes of a part; they win. */
  readonly env?: Partial<Record<Part, Readonly<Record<string, string>>>>;
}

/** Without any option: everything, on ports that nobody uses, with data that is gone afterwards. */
export interface StackOptions extends Partial<PlanOptions> {
  /** Who may call from the start; a demo tenant with `secrets.clientKey` unless given. */
  readonly tenants?: readonly StackTenant[];
  /** Each process must serve within this time. */
  readonly startTimeoutMs?: number;
  /** Gives up a start that is under way. */
  readonly signal?: AbortSignal;
  readonly events?: StackEvents;
}

export interface StackEvents {
  /** What takes its time before a program can start. */
  readonly onProgress?: (line: string) => void;
  readonly onReady?: (event: { readonly name: string; readonly source: string; readonly tookMs: number }) => void;
  readonly onLine?: (name: string, line: LogLine) => void;
  /** A process ended that nobody had stopped by `stop`, `restart` or the stack's end. */
  readonly onDeath?: (death: StackDeath) => void;
  /** A process has come or gone. */
  readonly onPids?: () => void;
}

export interface StackDeath {
  readonly name: string;
  readonly exit: Exit;
  readonly ranMs: number;
  readonly lastWords: readonly string[];
}
