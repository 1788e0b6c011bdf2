// Asks a model with a leased upstream key. See ../internal-services.md; a test of key-broker runs this file.
//
//   BROKER_ADDR=127.0.0.1:7001 SERVICE_TOKEN=... node lease-a-key.ts ohmygpt claude-haiku-4-5-20251001 'What is a lease?'
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
// made of proto/key_broker/v1/key_broker.proto by ts-proto
import { keyBrokerV1 as broker } from '@omg/proto-gen';
import { connectThrough, ProxyError } from '@omg/proxy-connect';
import { Agent, buildConnector, request as send } from 'undici';

const [provider = 'ohmygpt', model = 'claude-haiku-4-5-20251001', question = 'What is a lease?'] =
  process.argv.slice(2);
// the settings of an example; a service reads its own in one place
// oxlint-disable-next-line node/no-process-env
const { BROKER_ADDR = '127.0.0.1:7001', SERVICE_TOKEN = '' } = process.env;
const replicas = BROKER_ADDR.split(',');
const holder = `example-${randomUUID()}`;
const CALL_MS = 5_000;
/** An owner that died has a successor by then. */
const PATIENCE_MS = 10_000;
const ATTEMPTS = 3;

// ---------------------------------------------------------------------------- calls to key-broker

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

const channels = new Map<string, Client>();
let target = replicas[0] ?? '';

/** One replica owns the provider's pool at a time; any other says which. */
async function call<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
  const endMs = Date.now() + PATIENCE_MS;
  for (let turn = 1; ; turn += 1) {
    try {
      return await callAt(target, method, request);
    } catch (error) {
      const owner = ownerNamedBy(error);
      const passes = owner !== undefined || isAway(error);
      if (!passes || Date.now() > endMs) throw error;
      const isLead = owner !== undefined && owner !== '' && owner !== target;
      target = isLead ? owner : (replicas[turn % replicas.length] ?? '');
      if (!isLead) await sleep(100);
    }
  }
}

async function callAt<Request, Response>(
  address: string,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  request: Request,
): Promise<Response> {
  // with TLS: credentials.createSsl(ca, key, certificate)
  const channel = channels.get(address) ?? new Client(address, credentials.createInsecure());
  channels.set(address, channel);
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${SERVICE_TOKEN}`);
  return await new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + CALL_MS };
    channel.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error: ServiceError | null, response?: Response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error(`${path}: no answer`));
      },
    );
  });
}

/** The address, empty where nobody owns the pool at the moment; undefined: the error is another one. */
function ownerNamedBy(error: unknown): string | undefined {
  if (!isServiceError(error) || error.code !== status.FAILED_PRECONDITION) return undefined;
  // `{"code":"not_owner","details":{"address":"host:port"}}`
  const [detail = ''] = error.metadata.get('omg-error-bin');
  const [, address = ''] = /"address":"([^"]*)"/.exec(detail.toString()) ?? [];
  return detail.includes('"not_owner"') ? address : undefined;
}

function isAway(error: unknown): boolean {
  return isServiceError(error) && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error;
}

// ---------------------------------------------------------------------------- a lease, from beginning to end

async function acquire(excludeKeys: string[]): Promise<broker.Lease> {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const { result } = await call(broker.KeyBrokerService.acquireLeases, {
      provider,
      model,
      count: 1,
      holder,
      affinityKey: undefined,
      tokens: 1_000,
      excludeKeys,
    });
    const [lease] = result?.$case === 'granted' ? result.value.leases : [];
    if (lease !== undefined) return lease;
    const { reason = '', message = '', retryAfterMs = 0 } = result?.$case === 'denied' ? result.value : {};
    const waitMs = Math.max(retryAfterMs, 250);
    if (Date.now() + waitMs > endMs) throw new Error(`no lease: ${reason}, ${message}`);
    await sleep(waitMs);
  }
}

/** Renews in time until it is disposed of; the signal says that the lease is over before that. */
function keep({ leaseId, ttlMs }: broker.Lease): { readonly signal: AbortSignal } & Disposable {
  const lost = new AbortController();
  const timer = setInterval(() => {
    call(broker.KeyBrokerService.renewLeases, { leaseIds: [leaseId] }).then(
      // one that is only revoked serves what runs: this program takes another for its next request anyway
      ({ unknownLeaseIds }) => {
        if (unknownLeaseIds.includes(leaseId)) lost.abort();
      },
      () => {
        lost.abort();
      },
    );
  }, ttlMs / 3);
  return { signal: lost.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

interface Answer {
  readonly text: string | undefined;
  readonly outcome: broker.LeaseOutcome;
}

/** One request. What the upstream's answer means for the key is the broker's to judge: the outcome only repeats it. */
async function use(lease: broker.Lease, signal: AbortSignal): Promise<Answer> {
  const { secret, endpoint, leaseId } = lease;
  const startedAt = new Date();
  const outcomeOf = (change: Partial<broker.LeaseOutcome>): broker.LeaseOutcome => ({
    leaseId,
    sequence: 1,
    cause: broker.OutcomeCause.UNSPECIFIED,
    status: 0,
    retryAfterMs: undefined,
    errorWords: [],
    message: '',
    model,
    providerRequestId: '',
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    stream: false,
    tokens: undefined,
    ...change,
  });
  const agent = agentOf(lease);
  try {
    const { statusCode, headers, body } = await send(`${endpoint?.baseUrl ?? ''}${endpoint?.messagesPath ?? ''}`, {
      method: 'POST',
      headers: { 'x-api-key': secret, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' },
      body: JSON.stringify({ model, max_tokens: 200, messages: [{ role: 'user', content: question }] }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(300_000)]),
      dispatcher: agent,
    });
    // what the vendor documents; a service checks it
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { content = [], usage, error } = (await body.json().catch(() => ({}))) as VendorAnswer;
    const retryAfterS = Number(headers['retry-after'] ?? Number.NaN);
    return {
      text: statusCode === 200 ? content.map(({ text = '' }) => text).join('') : undefined,
      outcome: outcomeOf({
        status: statusCode,
        providerRequestId: String(headers['request-id'] ?? ''),
        errorWords: error?.type === undefined ? [] : [error.type],
        message: error?.message ?? '',
        ...(Number.isFinite(retryAfterS) && { retryAfterMs: retryAfterS * 1_000 }),
        ...(usage !== undefined && { tokens: toTokens(usage) }),
      }),
    };
  } catch (error) {
    const cause = signal.aborted ? broker.OutcomeCause.CANCELLED : causeOf(error);
    return { text: undefined, outcome: outcomeOf({ cause, message: String(error).replaceAll(secret, '[key]') }) };
  } finally {
    await agent.destroy();
  }
}

/** What no status tells. */
function causeOf(error: unknown): broker.OutcomeCause {
  if (error instanceof ProxyError && error.fault === 'proxy') return broker.OutcomeCause.PROXY_ERROR;
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  return isLate ? broker.OutcomeCause.TIMEOUT : broker.OutcomeCause.CONNECTION;
}

/** Connects through the lease's proxy where it has one: without it the provider may see an address that it must not. */
function agentOf({ proxy }: broker.Lease): Agent {
  const connect = buildConnector({ allowH2: false });
  if (proxy === undefined) return new Agent({ connect });
  const type = TYPES[proxy.type] ?? 'http';
  const { proxyId: id, host, port, username, password } = proxy;
  const address = { id, type, host, port, ...(username !== undefined && { username, password: password ?? '' }) };
  return new Agent({
    connect: (origin, callback) => {
      const isTls = origin.protocol === 'https:';
      const to = { host: origin.hostname, port: Number(origin.port) || (isTls ? 443 : 80) };
      connectThrough(address, to, { timeoutMs: 10_000 }).then(
        (socket) => {
          if (isTls) connect({ ...origin, httpSocket: socket }, callback);
          else callback(null, socket);
        },
        (error: Error) => {
          callback(error, null);
        },
      );
    },
  });
}

const TYPES: Partial<Record<broker.ProxyType, 'http' | 'https' | 'socks5'>> = {
  [broker.ProxyType.HTTPS]: 'https',
  [broker.ProxyType.SOCKS5]: 'socks5',
};

interface VendorAnswer {
  readonly content?: readonly { readonly text?: string }[];
  readonly usage?: VendorUsage;
  readonly error?: { readonly type?: string; readonly message?: string };
}

interface VendorUsage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cache_read_input_tokens?: number;
  readonly cache_creation_input_tokens?: number;
  readonly cache_creation?: { readonly ephemeral_1h_input_tokens?: number };
}

/** Each token in one of them. In the OpenAI dialect `prompt_tokens` contains the cached ones: subtract them. */
function toTokens(usage: VendorUsage): broker.LeaseTokens {
  const cacheWrite1h = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  return {
    input: BigInt(usage.input_tokens ?? 0),
    output: BigInt(usage.output_tokens ?? 0),
    cacheWrite5m: BigInt((usage.cache_creation_input_tokens ?? 0) - cacheWrite1h),
    cacheWrite1h: BigInt(cacheWrite1h),
    cacheRead: BigInt(usage.cache_read_input_tokens ?? 0),
    estimated: false,
  };
}

// ---------------------------------------------------------------------------- the program

/** Sent until it is answered: by lease and sequence the broker knows what it has stored already. */
async function report(outcome: broker.LeaseOutcome): Promise<void> {
  try {
    await call(broker.KeyBrokerService.reportOutcomes, { outcomes: [outcome] });
  } catch (error) {
    // a service keeps it, and goes on trying
    console.error('its use was not reported:', error instanceof Error ? error.message : error);
  }
}

async function ask(): Promise<string> {
  const tried: string[] = [];
  while (tried.length < ATTEMPTS) {
    const lease = await acquire(tried);
    tried.push(lease.keyId);
    using kept = keep(lease);
    try {
      const { text, outcome } = await use(lease, kept.signal);
      await report(outcome);
      if (text !== undefined) return text;
      console.error(`${lease.keyId}: ${outcome.status} ${outcome.message}`);
      // another key would be told the same
      if ([400, 404, 413, 422].includes(outcome.status)) break;
    } finally {
      // what is not given back ends by itself after its ttl
      await call(broker.KeyBrokerService.releaseLeases, { leaseIds: [lease.leaseId] }).catch(() => undefined);
    }
  }
  throw new Error(`no answer after ${tried.length} keys`);
}

try {
  console.log(await ask());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const channel of channels.values()) channel.close();
}
