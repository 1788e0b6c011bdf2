import type { AdoptedEpoch } from '@omg/journal';
import { latencyHistogram, type Telemetry } from '@omg/telemetry';
import type { LeaseRefusal } from './app/lease-broker.ts';
import type { AttemptOutcome } from './app/attempt-outcome.ts';
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
}

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
  return {
    settled(request, outcome, latencyMs) {
      const { clientStatus, upstreamStatus, success, cause, abortReason, usageSource, tokens } = outcome;
      const { dialect, stream, model } = request;
      requests.add(1, { dialect, stream, status: clientStatus, success });
      latency.record(latencyMs / 1_000, { dialect, stream });
      logger.info(
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
    fault(error) {
      logger.error({ err: error }, 'a request met a fault of the gateway');
    },
  };
}
