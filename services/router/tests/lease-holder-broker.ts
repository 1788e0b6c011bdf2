import { readConfig } from '@omg/config';
import { OmgError } from '@omg/errors';
import { bindService, readServiceTokens, startGrpcServer, type GrpcServer } from '@omg/grpc';
import { keyBrokerV1, type quotaV1 } from '@omg/proto-gen';
import {
  createOwner,
  ownerAdvance,
  ownerConnect,
  ownerDisconnect,
  ownerFree,
  ownerOutstanding,
  ownerReceive,
  ownerSetScope,
  type HolderMessage,
  type OwnerMessage,
  type OwnerOutput,
  type QuotaOwner,
  type Take,
} from '@omg/quota';
import { fromOwnerMessage, toHolderMessage } from '@omg/quota-link';
import type { Telemetry } from '@omg/telemetry';

export const TOKEN = 'a-token-of-the-router';

export interface TestKey {
  readonly slots: number;
  readonly info: keyBrokerV1.KeyInfo;
}

export function testKey(keyId: string, changes: Partial<keyBrokerV1.KeyInfo> = {}, slots = 50): [string, TestKey] {
  const info: keyBrokerV1.KeyInfo = {
    keyId,
    generation: 1n,
    usable: true,
    abort: false,
    allowedModels: [],
    deniedModels: [],
    limitsRequests: false,
    limitsTokens: false,
    access: testAccess(keyId),
    ...changes,
  };
  return [keyId, { slots, info }];
}

export function testAccess(keyId: string, route: keyBrokerV1.KeyAccess['route'] = DIRECT): keyBrokerV1.KeyAccess {
  return {
    secret: `secret-of-${keyId}`,
    endpoint: { name: 'primary', baseUrl: 'https://up/', chatCompletionsPath: '/o', messagesPath: '/a', http2: false },
    route,
  };
}
const DIRECT = { $case: 'direct', value: true } as const;

export interface TestBrokerOptions {
  readonly telemetry: Telemetry;
  readonly term?: number;
  readonly keys?: readonly [string, TestKey][];
  readonly port?: number;
  readonly ttlMs?: number;
  readonly knownHolders?: readonly string[];
  /** Somebody else owns the pool. */
  readonly owner?: string;
  /** Of the first frame. */
  readonly snapshot?: Partial<keyBrokerV1.HoldResponse>;
}

interface Connection {
  readonly epoch: string;
  readonly frames: keyBrokerV1.HoldResponse[];
  readonly access: Set<string>;
  wake: () => void;
  ended: boolean;
}

/** The broker's side of the stream on a real server, with a real owner of quotas and the least of everything else. */
export class TestBroker implements AsyncDisposable {
  readonly keys: Map<string, TestKey>;
  readonly requests: keyBrokerV1.HoldRequest[] = [];
  /** The next take that leaves the choice is granted as this probe. */
  probe: { readonly keyId: string; readonly generation: bigint; readonly probeId: bigint } | undefined;
  readonly #unanswered: { readonly id: string; readonly message: HolderMessage }[] = [];
  #isMute = false;
  port = 0;
  readonly #options: TestBrokerOptions;
  readonly #owner: QuotaOwner;
  readonly #connections = new Map<string, Connection>();
  readonly #advancing: NodeJS.Timeout;
  #server: GrpcServer | undefined;
  /** How many streams there were. */
  opened = 0;

  static async start(options: TestBrokerOptions): Promise<TestBroker> {
    const broker = new TestBroker(options);
    await broker.#listen();
    return broker;
  }

  private constructor(options: TestBrokerOptions) {
    const { term = 1, keys = [], knownHolders = [], ttlMs = 15_000 } = options;
    this.#options = options;
    this.keys = new Map(keys);
    const ownerOptions = { longestRequestMs: 0, byStreamTime: false, knownHolders, ttlMs };
    this.#owner = createOwner(term, performance.now(), ownerOptions);
    for (const [scope, { slots }] of keys)
      ownerSetScope(this.#owner, { scope, limits: { slots }, version: 1 }, performance.now());
    this.#advancing = setInterval(() => {
      this.#deliver(ownerAdvance(this.#owner, performance.now()));
    }, 20);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get outcomes(): readonly keyBrokerV1.HolderOutcome[] {
    return this.requests.flatMap(({ outcomes }) => outcomes);
  }

  get takes(): number {
    return this.requests.flatMap(({ quota }) => quota).filter(({ message }) => message?.$case === 'take').length;
  }

  /** What of a key nobody has. */
  free(keyId: string): number {
    return ownerFree(this.#owner, keyId, performance.now())?.slots ?? 0;
  }

  outstanding(keyId: string, epoch: string): number {
    return ownerOutstanding(this.#owner, keyId).get(epoch)?.slots ?? 0;
  }

  setKey(keyId: string, changes: Partial<keyBrokerV1.KeyInfo>): void {
    const key = this.keys.get(keyId);
    if (key === undefined) return;
    const info = { ...key.info, ...changes };
    this.keys.set(keyId, { ...key, info });
    this.push({ keys: [info] });
  }

  /** Takes are heard, and answered when it speaks again. */
  mute(): void {
    this.#isMute = true;
  }

  unmute(): void {
    this.#isMute = false;
    for (const { id, message } of this.#unanswered.splice(0)) this.#hear(id, message);
  }

  /** To everybody. */
  push(frame: Partial<keyBrokerV1.HoldResponse>): void {
    for (const connection of this.#connections.values()) this.#send(connection, frame);
  }

  /** Ends all streams, and answers no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#advancing);
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #listen(): Promise<void> {
    const unused = async (): Promise<never> => await Promise.reject(new OmgError('failed_precondition', 'not here'));
    const service = bindService(keyBrokerV1.KeyBrokerService, {
      hold: (requests, { signal }) => this.#hold(requests, signal),
      acquireLeases: unused,
      renewLeases: unused,
      releaseLeases: unused,
      reportOutcomes: unused,
      listProviders: unused,
    });
    this.#server = await startGrpcServer({
      listen: `127.0.0.1:${this.#options.port ?? 0}`,
      services: [service],
      authenticate: readConfig({ SERVICE_TOKENS: `router=${TOKEN}` }, readServiceTokens),
      telemetry: this.#options.telemetry,
      graceMs: 100,
    });
    this.port = this.#server.port;
  }

  async *#hold(
    requests: AsyncIterable<keyBrokerV1.HoldRequest>,
    signal: AbortSignal,
  ): AsyncIterable<keyBrokerV1.HoldResponse> {
    const { owner } = this.#options;
    if (owner !== undefined) throw new OmgError('not_owner', 'ask the owner', { details: { address: owner } });
    const id = String((this.opened += 1));
    const connection = { epoch: '', frames: [], access: new Set<string>(), wake: () => undefined, ended: false };
    const reading = this.#read(id, connection, requests);
    const end = (): void => {
      connection.ended = true;
      connection.wake();
    };
    signal.addEventListener('abort', end, { once: true });
    void reading.finally(end);
    yield* framesOf(connection);
    this.#connections.delete(id);
    this.#deliver(ownerDisconnect(this.#owner, id, performance.now()));
  }

  async #read(id: string, connection: Connection, requests: AsyncIterable<keyBrokerV1.HoldRequest>): Promise<void> {
    for await (const request of requests) {
      if (request.open !== undefined) {
        const { epoch } = request.open;
        this.#connections.set(id, Object.assign(connection, { epoch }));
        const keys = [...this.keys.values()].map(({ info: { access: _untold, ...info } }) => info);
        this.#send(connection, { keys, snapshot: true, ...this.#options.snapshot });
        this.#deliver(ownerConnect(this.#owner, { connection: id, epoch, upTo: 0 }, performance.now()));
        continue;
      }
      this.requests.push(request);
      for (const message of request.quota) this.#hear(id, toHolderMessage(message));
    }
  }

  #hear(id: string, message: HolderMessage | undefined): void {
    if (message === undefined) return;
    const connection = this.#connections.get(id);
    if (message.kind !== 'take') {
      this.#deliver(ownerReceive(this.#owner, { connection: id, message }, performance.now()));
      return;
    }
    if (this.#isMute) {
      this.#unanswered.push({ id, message });
      return;
    }
    const chosen = this.#choose(message);
    if (chosen === undefined) {
      const denial = { ref: message.ref, reason: 'limit', scope: '', dimension: undefined } as const;
      this.#deliver([
        {
          kind: 'send',
          connection: id,
          message: { kind: 'deny', ...denial, retryAfterMs: undefined, affordable: 0 },
        },
      ]);
      return;
    }
    const probe = this.probe?.keyId === chosen ? this.probe : undefined;
    if (probe !== undefined && connection !== undefined) {
      this.probe = undefined;
      const grant = { ...probe, ref: BigInt(message.ref), access: testAccess(chosen), ttlMs: 5_000 };
      this.#send(connection, { probes: [grant] });
    }
    const scopes = message.scopes.map((scope) => ({ ...scope, scope: chosen }));
    this.#deliver(ownerReceive(this.#owner, { connection: id, message: { ...message, scopes } }, performance.now()));
  }

  #choose({ scopes: [asked] }: Take): string | undefined {
    if (this.probe !== undefined) return this.probe.keyId;
    const fits = [...this.keys].flatMap(([id, { info }]) =>
      info.usable && asked?.choice?.exclude.includes(id) !== true ? [id] : [],
    );
    const free = fits.filter((id) => this.free(id) > 0);
    const wish = asked?.scope ?? '';
    return free.includes(wish) ? wish : (free[0] ?? fits[0]);
  }

  #deliver(outputs: readonly OwnerOutput[]): void {
    const perConnection = new Map<string, OwnerMessage[]>();
    for (const output of outputs) {
      if (output.kind !== 'send') continue;
      const messages = perConnection.get(output.connection) ?? [];
      perConnection.set(output.connection, messages);
      messages.push(output.message);
    }
    for (const [id, messages] of perConnection) {
      const connection = this.#connections.get(id);
      if (connection === undefined) continue;
      const granted = messages.flatMap((message) =>
        message.kind === 'grant' ? message.scopes.map(({ scope }) => scope) : [],
      );
      const keys = granted.flatMap((keyId) => {
        const info = this.keys.get(keyId)?.info;
        if (info === undefined || connection.access.has(keyId)) return [];
        connection.access.add(keyId);
        return [info];
      });
      this.#send(connection, { keys, quota: messages.map(fromOwnerMessage) });
    }
  }

  #send(connection: Connection, changes: Partial<keyBrokerV1.HoldResponse>): void {
    const quota: readonly quotaV1.OwnerMessage[] = [];
    connection.frames.push({
      term: BigInt(this.#owner.term),
      quota,
      proxies: [],
      goneProxies: [],
      keys: [],
      goneKeys: [],
      snapshot: false,
      probes: [],
      ...changes,
    });
    connection.wake();
  }
}

async function* framesOf(connection: Connection): AsyncIterable<keyBrokerV1.HoldResponse> {
  while (!connection.ended) {
    const frame = connection.frames.shift();
    if (frame !== undefined) {
      yield frame;
      continue;
    }
    await new Promise<void>((resolve) => {
      connection.wake = resolve;
    });
  }
}
