import { partitionOf, publishUsage, type Nats } from '@omg/messaging';
import { encodeMessage, eventsV1 } from '@omg/proto-gen';
import type { ServiceUse } from '../app/report-outcomes.ts';

export interface ServiceUseOptions {
  /** Throws `unavailable` while there is no connection. */
  readonly nats: () => Nats;
  readonly stream: string;
  /** Of this run of the process. */
  readonly epoch: string;
  readonly timeoutMs: number;
}

const MAX_EVENTS = 100;

/** The account that the books keep for an internal service. */
function serviceAccountId(service: string): string {
  return `service:${service}`;
}

/** Publishes what internal services used, numbered like the events of a router. */
export function makePublishServiceUse(options: ServiceUseOptions): (uses: readonly ServiceUse[]) => Promise<void> {
  const { nats, stream, epoch, timeoutMs } = options;
  const numbers = new Map<number, bigint>();
  return async (uses) => {
    const connected = nats();
    const byPartition = Map.groupBy(uses, ({ service }) => partitionOf(serviceAccountId(service)));
    for (const [partition, all] of byPartition) {
      for (let at = 0; at < all.length; at += MAX_EVENTS) {
        const some = all.slice(at, at + MAX_EVENTS);
        const first = numbers.get(partition) ?? 0n;
        // nobody else takes these numbers, even if this call fails: then they are missing, and the next ones are waited for
        const events = some.map((use, index) => {
          const number = first + BigInt(index) + 1n;
          return encodeMessage(eventsV1.UsageEvent, toEvent(use, { epoch, partition, number }));
        });
        numbers.set(partition, first + BigInt(some.length));
        await publishUsage({ nats: connected, stream, partition, events, timeoutMs });
      }
    }
  };
}

function toEvent(
  { requestId, service, provider, keyId, lease, cause, outcome }: ServiceUse,
  numbered: { readonly epoch: string; readonly partition: number; readonly number: bigint },
): eventsV1.UsageEvent {
  const { model, stream, status, durationMs, tokens, providerRequestId } = outcome;
  const startedAt = new Date(outcome.startedAtMs);
  const success = cause === 'success';
  return {
    ...numbered,
    minReaderVersion: 1,
    requestId,
    // internal services pay as the site of the same name does
    site: provider,
    provider,
    tenantId: serviceAccountId(service),
    tenantName: service,
    clientKeyId: serviceAccountId(service),
    dialect: eventsV1.Dialect.UNSPECIFIED,
    stream,
    model,
    upstreamModel: model,
    acceptedAt: startedAt,
    latencyMs: durationMs,
    firstTokenMs: undefined,
    statusCode: status,
    success,
    finishReason: '',
    abortReason: '',
    priceVersion: '',
    allowance: undefined,
    tokens: {
      input: BigInt(tokens?.input ?? 0),
      output: BigInt(tokens?.output ?? 0),
      cacheWrite5m: BigInt(tokens?.cacheWrite5m ?? 0),
      cacheWrite1h: BigInt(tokens?.cacheWrite1h ?? 0),
      cacheRead: BigInt(tokens?.cacheRead ?? 0),
    },
    usageSource: usageSourceOf(tokens),
    attempts: [
      {
        keyId,
        proxyId: lease?.proxyId ?? '',
        endpoint: lease?.endpoint ?? '',
        statusCode: status,
        cause: success ? '' : cause,
        providerRequestId,
        startedAt,
        durationMs,
        leaseGeneration: lease?.generation ?? 0n,
      },
    ],
    clientRequestId: '',
    traceParent: '',
  };
}

function usageSourceOf(tokens: ServiceUse['outcome']['tokens']): eventsV1.UsageSource {
  if (tokens === undefined) return eventsV1.UsageSource.NONE;
  return tokens.estimated ? eventsV1.UsageSource.ESTIMATED : eventsV1.UsageSource.PROVIDER;
}
