import { createHash } from 'node:crypto';
import { OmgError } from '@omg/errors';
import { classifyUpstreamError } from '@omg/llm-wire';
import type { OutcomeCause } from '../domain/key-event.ts';
import { parseLeaseId } from '../domain/lease-id.ts';
import type { UnaryLease } from '../domain/pool/unary-desk.ts';
import type { Offices } from './pool-offices.ts';
import { RecentIds } from './recent-ids.ts';

/** Disjoint. */
export interface ReportedTokens {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
  readonly estimated: boolean;
}

/** One request that a service made with a lease. */
export interface ReportedOutcome {
  readonly leaseId: string;
  readonly sequence: number;
  /** Undefined: to be read from what the upstream said. */
  readonly cause: OutcomeCause | undefined;
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly errorWords: readonly string[];
  readonly message: string;
  readonly model: string;
  readonly providerRequestId: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly stream: boolean;
  readonly tokens: ReportedTokens | undefined;
}

/** What goes to the usage stream for it. */
export interface ServiceUse {
  /** The same however often it is reported. */
  readonly requestId: string;
  readonly service: string;
  readonly provider: string;
  readonly keyId: string;
  readonly lease: UnaryLease | undefined;
  readonly cause: OutcomeCause;
  readonly outcome: ReportedOutcome;
}

export interface ReportOutcomesDeps {
  readonly offices: Offices;
  readonly nowMs: () => number;
  /** Resolves when the usage is stored. */
  readonly publish: (uses: readonly ServiceUse[]) => Promise<void>;
}

/** Outcomes whose repetition is known; for the books and counters each is known again by its request id. */
const REMEMBERED = 10_000;
/** Far beyond what any model answers; the ledger takes no more. */
const MAX_TOKENS = 1e12;

/** Takes the verdicts of a service's requests to the keys, and what they used to the books. */
export function makeReportOutcomes(
  deps: ReportOutcomesDeps,
): (input: {
  readonly service: string;
  readonly outcomes: readonly ReportedOutcome[];
}) => Promise<{ readonly unknownLeaseIds: readonly string[] }> {
  const told = new RecentIds(REMEMBERED);
  return async ({ service, outcomes }) => {
    for (const outcome of outcomes) checkTokens(outcome);
    const nowMs = deps.nowMs();
    const unknown = new Set<string>();
    const uses: ServiceUse[] = [];
    for (const outcome of outcomes) {
      const { leaseId, sequence } = outcome;
      const parsed = parseLeaseId(leaseId);
      if (parsed === undefined) {
        unknown.add(leaseId);
        continue;
      }
      const keeper = deps.offices.get(parsed.provider);
      const held = keeper.desk.lease(leaseId);
      const lease = held?.service === service ? held : undefined;
      const cause = outcome.cause ?? causeOf(outcome, nowMs);
      const requestId = requestIdOf({ service, leaseId, sequence });
      const isNew = told.add(requestId);
      if (lease === undefined) unknown.add(leaseId);
      else if (isNew) {
        keeper.desk.used(leaseId, billable(outcome.tokens));
        keeper.report(verdictOf(lease, cause, outcome));
      }
      const { provider, keyId } = parsed;
      const startedAtMs = startOf(outcome, nowMs);
      uses.push({ requestId, service, provider, keyId, lease, cause, outcome: { ...outcome, startedAtMs } });
    }
    await deps.publish(uses);
    return { unknownLeaseIds: [...unknown] };
  };
}

function verdictOf(
  lease: UnaryLease,
  cause: OutcomeCause,
  outcome: ReportedOutcome,
): Parameters<ReturnType<Offices['get']>['report']>[0] {
  const { retryAfterMs, model, message, status, errorWords } = outcome;
  const { keyId, generation, endpoint, proxyId, probe } = lease;
  return {
    keyId,
    generation,
    endpoint,
    proxyId,
    cause,
    status,
    errorWords,
    ...(probe?.probeId !== undefined && { probeId: probe.probeId }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(model !== '' && { model }),
    ...(message !== '' && { message }),
  };
}

/** By the same rules as for the router's own requests. */
function causeOf({ status, errorWords, message }: ReportedOutcome, nowMs: number): OutcomeCause {
  if (status >= 200 && status < 400) return 'success';
  if (status === 0) return 'connection';
  const [type, code = type] = errorWords;
  const body = Buffer.from(JSON.stringify({ error: { type, code, message } }));
  return classifyUpstreamError({ status, contentType: 'application/json', body, nowMs }).cause;
}

function billable(tokens: ReportedTokens | undefined): number {
  return tokens === undefined ? 0 : tokens.input + tokens.output + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

function checkTokens({ leaseId, sequence, tokens }: ReportedOutcome): void {
  const { estimated: _, ...counts } = tokens ?? { estimated: false };
  if (Object.values(counts).every((count) => count >= 0 && count <= MAX_TOKENS)) return;
  throw new OmgError(
    'invalid_argument',
    `outcome ${sequence} of lease ${leaseId} has a number of tokens that cannot be`,
  );
}

/** Who does not say when, or a time that has not come, means now. */
function startOf({ startedAtMs, durationMs }: ReportedOutcome, nowMs: number): number {
  return startedAtMs > 0 && startedAtMs <= nowMs ? startedAtMs : nowMs - durationMs;
}

/**
 * A UUIDv7 of the time when the lease was granted, the rest of it made of what numbers the outcome: reported again,
 * whatever else is said then, it is the same request.
 */
function requestIdOf(outcome: {
  readonly service: string;
  readonly leaseId: string;
  readonly sequence: number;
}): string {
  const { service, leaseId, sequence } = outcome;
  const bytes = Buffer.alloc(16);
  const [, seconds = '', rest = ''] = /\.([\da-f]{8})-([\da-f]{4})-7[^.]*$/.exec(leaseId) ?? [];
  bytes.write(seconds + rest, 'hex');
  createHash('sha256').update(`${service}/${leaseId}/${sequence}`).digest().copy(bytes, 6, 0, 10);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
