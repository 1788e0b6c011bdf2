import { randomUUIDv7 } from 'node:crypto';
import { partitionOf } from '@omg/messaging';
import { eventsV1 } from '@omg/proto-gen';

/** As routers send them. */
const BATCH_EVENTS = 100;
export const MODEL = 'claude-sonnet-4-5-20250929';
export const SITE = 'ohmygpt';
/** USD per million tokens. */
export const RATES = { input: '3.30', output: '16.50', cacheWrite5m: '4.13', cacheWrite1h: '6.60', cacheRead: '0.33' };
export const MULTIPLIER = '1.05';

export const accountId = (index: number): string => `tenant-${String(index).padStart(6, '0')}`;

/** What one router has sent to one partition, in order. */
export interface UsageBatch {
  readonly partition: number;
  readonly events: readonly eventsV1.UsageEvent[];
}

export interface SyntheticUsage {
  readonly batches: readonly UsageBatch[];
  readonly costNanoUsd: bigint;
}

const ROUTERS = 3;
/** Of the budget that an account has which names none. */
const BUCKET = `month/UTC/${new Date().toISOString().slice(0, 7)}-01`;

/** Complete requests of so many accounts, of three routers at a time. */
export function makeUsage({ accounts, count }: { readonly accounts: number; readonly count: number }): SyntheticUsage {
  const epochs = Array.from({ length: ROUTERS }, () => randomUUIDv7());
  const lanes = new Map<string, Lane>();
  const batches: UsageBatch[] = [];
  let costNanoUsd = 0n;
  for (let at = 0; at < count; at += 1) {
    // a step that is prime to any number of accounts: each has its turn, neighbours are far apart
    const tenantId = accountId((at * 7_919) % accounts);
    const partition = partitionOf(tenantId);
    const epoch = epochs[at % ROUTERS] ?? '';
    const lane = lanes.getOrInsertComputed(`${epoch}/${partition}`, () => ({ number: 0n, events: [] }));
    lane.number += 1n;
    const event = makeEvent({ at, tenantId, partition, epoch, number: lane.number });
    costNanoUsd += costOf(event.tokens);
    lane.events.push(event);
    if (lane.events.length === BATCH_EVENTS) batches.push({ partition, events: lane.events.splice(0) });
  }
  for (const { events } of lanes.values()) {
    const [first] = events;
    if (first !== undefined) batches.push({ partition: first.partition, events });
  }
  return { batches, costNanoUsd };
}

interface Lane {
  number: bigint;
  readonly events: eventsV1.UsageEvent[];
}

interface EventPlace {
  readonly at: number;
  readonly tenantId: string;
  readonly partition: number;
  readonly epoch: string;
  readonly number: bigint;
}

function makeEvent({ at, tenantId, partition, epoch, number }: EventPlace): eventsV1.UsageEvent {
  const acceptedAt = new Date();
  return {
    minReaderVersion: 1,
    requestId: randomUUIDv7(),
    epoch,
    partition,
    number,
    site: SITE,
    provider: 'ohmygpt',
    tenantId,
    tenantName: `Account ${tenantId}`,
    clientKeyId: `key-of-${tenantId}`,
    dialect: eventsV1.Dialect.ANTHROPIC,
    stream: true,
    model: MODEL,
    upstreamModel: MODEL,
    acceptedAt,
    latencyMs: 2_000 + (at % 9_000),
    firstTokenMs: 200 + (at % 900),
    statusCode: 200,
    success: true,
    finishReason: 'end_turn',
    abortReason: '',
    tokens: {
      input: BigInt(1 + (at % 97)),
      output: BigInt(1_048 + (at % 501)),
      cacheWrite5m: BigInt(at % 1_558),
      cacheWrite1h: 0n,
      cacheRead: BigInt(62_745 + (at % 1_013)),
    },
    usageSource: eventsV1.UsageSource.PROVIDER,
    attempts: [
      {
        keyId: `upstream-key-${at % 100}`,
        proxyId: `proxy-${at % 10}`,
        endpoint: 'primary',
        statusCode: 200,
        cause: '',
        providerRequestId: `req_011CTnXpqQ5eKp${String(at).padStart(10, '0')}`,
        startedAt: acceptedAt,
        durationMs: 1_990 + (at % 9_000),
        leaseGeneration: 16_777_217n,
      },
    ],
    clientRequestId: '',
    traceParent: '',
    priceVersion: '',
    allowance: {
      opened: number,
      tokens: 6_000n,
      money: [
        { kind: eventsV1.MoneyKind.CREDIT, bucket: '', nanoUsd: 60_000_000n },
        { kind: eventsV1.MoneyKind.TENANT_BUDGET, bucket: BUCKET, nanoUsd: 60_000_000n },
      ],
    },
  };
}

/** In another way than the ledger counts: cents per million tokens times 1.05 are 1/1,000ths of a nano-USD times 10,500. */
function costOf(tokens: eventsV1.Tokens | undefined): bigint {
  if (tokens === undefined) return 0n;
  const cents = tokens.input * 330n + tokens.output * 1_650n + tokens.cacheWrite5m * 413n + tokens.cacheRead * 33n;
  const thousandths = cents * 10_500n;
  return thousandths / 1_000n + (thousandths % 1_000n >= 500n ? 1n : 0n);
}
