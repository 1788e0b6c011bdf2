import type { AdoptedEpoch } from '@omg/journal';
import { latencyHistogram, observeGauge, type Telemetry } from '@omg/telemetry';
import type { LeaseRefusal } from './app/lease-broker.ts';
import type { AttemptOutcome } from './app/attempt-outcome.ts';
import type { BadKey } from './app/limit-bad-keys.ts';
import type { PreparedRequest } from './app/prepare-request.ts';
import type { Refusal } from './app/refusal-counts.ts';

export interface Events {
  settled: (request: PreparedRequest, outcome: AttemptOutcome, latencyMs: number) => void;
  /** Counted, not logged one by one: whoever sends bad requests could fill a disk. */
  refused: (refusal: Refusal) => void;
  refusalsRetried: (error: unknown) => void;
  adopted: (adopted: AdoptedEpoch) => void;
  natsConnection: (connected: boolean) => void;
  publishRetried: (error: unknown) => void;
  ledgerConnection: (connected: boolean, error?: unknown) => void;
  adoptingFailed: (error: unknown) => void;
  progressLost: (error: unknown) => void;
  /** With the address of the owner, or with what ended the stream or stood in its way. */
  brokerConnection: (connected: boolean, what: unknown) => void;
  leaseRefused: (refusal: LeaseRefusal) => void;
  outcomeForgotten: () => void;
  fault: (error: unknown) => void;
  /** A model of the site file that usage-ledger has no price for. */
  unpriced: (model: string) => void;
  allowanceStream: (partition: number, error: unknown) => void;
  counted: (outcome: AttemptOutcome) => void;
  /** Counted, not logged one by one: whoever has no key could fill a disk. */
  badKey: (what: BadKey) => void;
  siteTaken: () => void;
  siteRefused: (error: unknown) => void;
  /** Has the number of them shown. */
  openStreams: (count: () => number) => void;
  /** The same of those whose owner answers. */
  accountPartitions: (count: () => number) => void;
}

const UNPRICED_EVERY_MS = 60_000;

export function makeEvents({ logger, meter }: Telemetry): Events {
  const requests = meter.createCounter('omg_router_requests', {
    description: 'Requests that were forwarded, by what became of them',
  });
  const refused = meter.createCounter('omg_router_refused_requests', {
    description: 'Requests that were refused and not forwarded, by cause',
  });
  const latency = latencyHistogram(meter, 'omg_router_request_duration_seconds', 'From acceptance to settlement');
  const retries = meter.createCounter('omg_router_publish_retries', {
    description: 'Usage batches that had to be sent again',
  });
  const failures = meter.createCounter('omg_router_dependency_failures', {
    description: 'Calls to other services that failed',
  });
  const refusals = meter.createCounter('omg_router_lease_refusals', {
    description: 'Leases that were not to be had, by reason',
  });
  const unpricedRequests = meter.createCounter('omg_router_unpriced_requests', {
    description: 'Requests that were refused because their model has no price',
  });
  const counts = meter.createCounter('omg_router_token_counts', {
    description: 'Requests to count tokens that were forwarded, by what their clients saw',
  });
  const badKeys = meter.createCounter('omg_router_bad_keys', {
    description: 'Requests without a key that is good, by what is wrong with it',
  });
  const siteReads = meter.createCounter('omg_router_site_file_changes', {
    description: 'Changes of the site file, by whether they were taken',
  });
  const unreadEvents = meter.createCounter('omg_router_unread_stream_events', {
    description: 'Events of streams that were passed on without being understood: malformed, or beyond any size',
  });
  const saidMs = new Map<string, number>();
  return {
    unpriced(model) {
      unpricedRequests.add(1, { model });
      const nowMs = performance.now();
      if (nowMs - (saidMs.get(model) ?? -Infinity) < UNPRICED_EVERY_MS) return;
      saidMs.set(model, nowMs);
      logger.error({ model }, 'the model has no price: its requests are refused');
    },
    allowanceStream(partition, error) {
      failures.add(1, { what: 'allowances' });
      logger.debug({ err: error, partition }, 'no stream to the owner of the accounts');
    },
    settled(request, outcome, latencyMs) {
      const { clientStatus, upstreamStatus, success, cause, abortReason, usageSource, tokens } = outcome;
      const { dialect, stream, model } = request;
      requests.add(1, { dialect, stream, status: clientStatus, success });
      if (outcome.unreadEvents !== undefined && outcome.unreadEvents > 0)
        unreadEvents.add(outcome.unreadEvents, { dialect, model: model.id });
      latency.record(latencyMs / 1_000, { dialect, stream });
      // what went well is in the request logs and in the counts: a line for each would cost more than relaying it
      const level = success ? 'debug' : 'info';
      if (!logger.isLevelEnabled(level)) return;
      logger[level](
        {
          requestId: request.requestId,
          account: request.account.tenantId,
          key: request.account.clientKeyId,
          dialect,
          model: model.id,
          stream,
          status: clientStatus,
          upstreamStatus,
          success,
          ...(cause === '' ? {} : { cause }),
          ...(abortReason === '' ? {} : { abortReason }),
          usageSource,
          outputTokens: tokens.output,
          ms: Math.round(latencyMs),
        },
        'request',
      );
    },
    refused({ kind, dialect, status }) {
      refused.add(1, { kind, dialect, status });
    },
    refusalsRetried(error) {
      failures.add(1, { what: 'refusals' });
      logger.debug({ err: error }, 'counts of refused requests are sent again');
    },
    adopted({ epoch, uncommitted, lost }) {
      logger.warn({ epoch, uncommitted, lost: lost.length }, 'adopted the journal of a router that died');
    },
    adoptingFailed(error) {
      logger.error({ err: error }, 'journals of routers that died could not be looked for');
    },
    progressLost(error) {
      failures.add(1, { what: 'journal' });
      logger.warn({ err: error }, 'what a request has delivered could not be written down; it goes on');
    },
    natsConnection(connected) {
      logger.info({ connected }, connected ? 'connected to NATS' : 'lost NATS; the journal is the queue');
    },
    publishRetried(error) {
      retries.add(1);
      logger.debug({ err: error }, 'a usage batch is sent again');
    },
    ledgerConnection(connected, error) {
      if (connected) logger.info('connected to usage-ledger');
      else logger.debug({ err: error }, 'no stream to usage-ledger');
    },
    brokerConnection(connected, what) {
      if (connected) {
        logger.info({ address: what }, 'connected to the owner of the pool');
      } else {
        failures.add(1, { what: 'key-broker' });
        logger.debug({ err: what }, 'no stream to the owner of the pool');
      }
    },
    leaseRefused({ reason }) {
      refusals.add(1, { reason });
    },
    outcomeForgotten() {
      failures.add(1, { what: 'outcomes' });
    },
    counted({ clientStatus }) {
      counts.add(1, { status: clientStatus });
    },
    badKey(what) {
      badKeys.add(1, { what });
    },
    siteTaken() {
      siteReads.add(1, { taken: true });
      logger.info('the site file has changed, and counts from now on');
    },
    siteRefused(error) {
      siteReads.add(1, { taken: false });
      logger.error({ err: error }, 'the site file cannot be used; what it said before stands');
    },
    openStreams(count) {
      observeGauge(meter, 'omg_router_open_streams', 'Requests that are being answered', count);
    },
    accountPartitions(count) {
      const description = 'Partitions of the accounts whose owner answers this router';
      observeGauge(meter, 'omg_router_account_partitions', description, count);
    },
    fault(error) {
      logger.error({ err: error }, 'a request met a fault of the gateway');
    },
  };
}
