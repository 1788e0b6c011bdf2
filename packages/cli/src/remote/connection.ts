import { createGrpcClient, type GrpcClient } from '@omg/grpc';
import { accountsAdminV1, auditV1, keyAdminV1, keyBrokerV1, usageV1 } from '@omg/proto-gen';
import { noTracer } from '@omg/telemetry/tracing';
import { KEY_BROKER, USAGE_LEDGER, type ConnectionSettings, type ServiceNames } from './connection-settings.ts';
import { createRemote, type Remote } from './remote.ts';

const DEADLINE_MS = 10_000;

export interface ConnectionOptions {
  readonly settings: () => ConnectionSettings;
  readonly signal: AbortSignal;
  /** For whoever asked for more than results. */
  readonly explain: (text: string) => void;
}

/** The services, each connected to when a command asks for it. */
export class Connection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #resources = new AsyncDisposableStack();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  keyBroker(): Remote<GrpcClient<keyBrokerV1.KeyBrokerService>> {
    return this.#open(KEY_BROKER, keyBrokerV1.KeyBrokerService);
  }

  keyAdmin(): Remote<GrpcClient<keyAdminV1.KeyAdminService>> {
    return this.#open(KEY_BROKER, keyAdminV1.KeyAdminService);
  }

  usage(): Remote<GrpcClient<usageV1.UsageService>> {
    return this.#open(USAGE_LEDGER, usageV1.UsageService);
  }

  accountsAdmin(): Remote<GrpcClient<accountsAdminV1.AccountsAdminService>> {
    return this.#open(USAGE_LEDGER, accountsAdminV1.AccountsAdminService);
  }

  audit(): Remote<GrpcClient<auditV1.AuditService>> {
    return this.#open(USAGE_LEDGER, auditV1.AuditService);
  }

  deadLetters(): Remote<GrpcClient<auditV1.DeadLettersService>> {
    return this.#open(USAGE_LEDGER, auditV1.DeadLettersService);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #open<S extends Parameters<typeof createGrpcClient>[0]>(names: ServiceNames, definition: S): Remote<GrpcClient<S>> {
    const { signal, explain } = this.#options;
    const settings = this.#options.settings();
    const at = settings.service(names);
    const { token, source } = settings.token();
    explain(`${names.name} at ${at.address} (${at.source}), token of ${source}`);
    // nobody collects what a command that is over in a second could tell
    const telemetry = { tracer: noTracer };
    const shared = { token, tls: settings.tls(), deadlineMs: DEADLINE_MS, telemetry };
    const clients = new Map<string, GrpcClient<S>>();
    const clientAt = (address: string): GrpcClient<S> => {
      const known = clients.get(address);
      if (known !== undefined) return known;
      const client = this.#resources.use(createGrpcClient(definition, { ...shared, address }));
      clients.set(address, client);
      return client;
    };
    return createRemote({ names, at, clientAt, signal, explain });
  }
}
