import { ConfigError } from '@omg/config';
import type { OwnershipEvent } from '@omg/mongo';
import type { OwnerMessage } from '@omg/quota';
import type { Telemetry } from '@omg/telemetry';
import type { Behind } from './app/backlog.ts';
import type { ChargeMessagesResult } from './app/charge-messages.ts';
import type { ReplayedLetter } from './app/dead-letters/replay-dead-letters.ts';
import type { Projected } from './app/rollups-project.ts';
import { parseScopeName } from './domain/account-scope.ts';
import type { StatedModel } from './domain/price-book.ts';

export interface Events {
  charged: (partition: number, result: ChargeMessagesResult, behind: Behind) => void;
  /** The partition is another process' business. */
  left: (partition: number) => void;
  /** An event is from a newer router. */
  readingStopped: (partition: number, error: Error) => void;
  streamState: (state: { readonly bytes: number; readonly maxBytes: number }) => void;
  streamPurged: (partition: number, messages: number) => void;
  keepingStreamFailed: (error: unknown) => void;
  lettersReplayed: (caller: string, letters: readonly ReplayedLetter[]) => void;
  readingInterrupted: (partition: number, error: unknown) => void;
  refusalsUnreadable: (seq: number) => void;
  countingRefusalsInterrupted: (error: unknown) => void;
  natsConnection: (connected: boolean) => void;
  pricesRead: (siteFiles: readonly string[]) => void;
  pricesRefused: (error: unknown) => void;
  /** Of all models that sites serve, those that have no price; told of whenever prices were read. */
  unpriced: (models: readonly StatedModel[]) => void;
  ownership: (event: OwnershipEvent) => void;
  projected: (projected: Projected) => void;
  projectionInterrupted: (error: unknown) => void;
  /** A take was refused: by which kind of scope, and of what it had not enough. */
  denied: (denial: Extract<OwnerMessage, { kind: 'deny' }>) => void;
  allowancesFailed: (partition: number, what: string, error: unknown) => void;
  watchingInterrupted: (error: unknown) => void;
}

/** A stream that is as full as this is to be looked at before it refuses events. */
const ALERT_AT = 0.5;

export function makeEvents({ logger, meter }: Telemetry): Events {
  const charged = meter.createCounter('omg_ledger_charged_requests', { description: 'Requests put into the books' });
  const duplicates = meter.createCounter('omg_ledger_duplicate_events', {
    description: 'Events that were in the books already',
  });
  const deadLetters = meter.createCounter('omg_ledger_dead_letters', {
    description: 'Events that could not be charged',
  });
  const replayed = meter.createCounter('omg_ledger_replayed_dead_letters', {
    description: 'Dead letters that were sent through charging again, by outcome',
  });
  const withoutPrice = meter.createCounter('omg_ledger_unpriced_events', {
    description: 'Events that could not be charged since there is no price',
  });
  const purged = meter.createCounter('omg_ledger_purged_messages', {
    description: 'Messages that were removed from the stream, charged and old',
  });
  const behindBy = new Map<number, Behind>();
  meter
    .createObservableGauge('omg_ledger_lag_messages', {
      description: 'Messages of a partition that wait to be charged',
    })
    .addCallback((result) => {
      for (const [partition, { messages }] of behindBy) result.observe(messages, { partition });
    });
  meter
    .createObservableGauge('omg_ledger_lag_seconds', {
      description: 'How old what was charged last was then, since the stream had it',
    })
    .addCallback((result) => {
      for (const [partition, { ageMs }] of behindBy) result.observe(ageMs / 1_000, { partition });
    });
  const stopped = new Set<number>();
  meter
    .createObservableGauge('omg_ledger_stopped_partitions', {
      description: 'Partitions that an event of a newer router has stopped',
    })
    .addCallback((result) => {
      result.observe(stopped.size);
    });
  let fill = 0;
  meter
    .createObservableGauge('omg_ledger_stream_fill_ratio', {
      description: 'How full the stream of usage events is; a full one refuses events',
    })
    .addCallback((result) => {
      result.observe(fill);
    });
  const interruptions = meter.createCounter('omg_ledger_reading_interruptions', {
    description: 'Times a partition was read anew',
  });
  const unreadableRefusals = meter.createCounter('omg_ledger_unreadable_refusals', {
    description: 'Messages with counts of refused requests that were left out',
  });
  const refusalInterruptions = meter.createCounter('omg_ledger_refusal_interruptions', {
    description: 'Times the stream of refused requests was read anew',
  });
  const projected = meter.createCounter('omg_ledger_projected_requests', {
    description: 'Requests put into the rollups',
  });
  const projectionInterruptions = meter.createCounter('omg_ledger_projection_interruptions', {
    description: 'Times the projection of rollups began anew',
  });
  const refusedPrices = meter.createCounter('omg_ledger_refused_site_files', {
    description: 'Times changed site files were not taken',
  });
  const unpricedModels = meter.createGauge('omg_ledger_unpriced_models', {
    description: 'Models that sites serve and that have no price: their requests are refused',
  });
  const denials = meter.createCounter('omg_ledger_denied_takes', {
    description: 'Requests that were refused by a limit or a budget, by the kind of the scope',
  });
  const allowanceFailures = meter.createCounter('omg_ledger_allowance_failures', {
    description: 'Times something that allowances need could not be read or written at once',
  });
  return {
    denied({ scope, dimension, reason }) {
      denials.add(1, { kind: parseScopeName(scope)?.kind ?? 'unknown', dimension: dimension ?? 'none', reason });
    },
    allowancesFailed(partition, what, error) {
      allowanceFailures.add(1, { what });
      logger.warn({ err: error, partition, what }, 'allowances: something failed and is tried again');
    },
    watchingInterrupted(error) {
      logger.warn(
        { err: error },
        'watching for changes of accounts was interrupted; it begins again, and all is read anew',
      );
    },
    charged(partition, result, behind) {
      behindBy.set(partition, behind);
      stopped.delete(partition);
      charged.add(result.charged);
      duplicates.add(result.duplicates);
      deadLetters.add(result.deadLetters);
      withoutPrice.add(result.unpriced);
      if (result.deadLetters > 0)
        logger.error(
          { count: result.deadLetters, position: result.position },
          'events cannot be charged and wait in dead_letters',
        );
      else logger.debug({ ...result }, 'charged');
    },
    lettersReplayed(caller, letters) {
      const outcomes = Map.groupBy(letters, ({ outcome }) => outcome);
      const counts = Object.fromEntries([...outcomes].map(([outcome, list]) => [outcome, list.length]));
      for (const [outcome, count] of Object.entries(counts)) replayed.add(count, { outcome });
      logger.info({ caller, ...counts }, 'dead letters were replayed');
    },
    left(partition) {
      behindBy.delete(partition);
    },
    readingStopped(partition, error) {
      if (!stopped.has(partition)) logger.error({ partition }, `charging has stopped: ${error.message}`);
      stopped.add(partition);
    },
    streamState({ bytes, maxBytes }) {
      const before = fill;
      fill = bytes / maxBytes;
      const facts = { bytes, maxBytes };
      if (fill >= ALERT_AT && before < ALERT_AT)
        logger.error(
          facts,
          'the stream of usage events is half full: when it is full, routers keep their events and then refuse requests',
        );
      if (fill < ALERT_AT && before >= ALERT_AT)
        logger.info(facts, 'the stream of usage events is less than half full again');
    },
    streamPurged(partition, messages) {
      purged.add(messages);
      logger.debug({ partition, messages }, 'removed charged messages from the stream');
    },
    keepingStreamFailed(error) {
      logger.warn({ err: error }, 'looking after the usage stream failed; it is tried again');
    },
    readingInterrupted(partition, error) {
      interruptions.add(1, { partition });
      logger.warn(
        { err: error, partition },
        'reading the usage stream was interrupted; it begins again at the stored position',
      );
    },
    refusalsUnreadable(seq) {
      unreadableRefusals.add(1);
      logger.error({ seq }, 'a message with counts of refused requests cannot be read and is left out');
    },
    countingRefusalsInterrupted(error) {
      refusalInterruptions.add(1);
      logger.warn({ err: error }, 'counting refused requests was interrupted; it begins again at the stored position');
    },
    ownership(event) {
      if (event.type === 'work_failed' || event.type === 'call_failed') {
        const { error, ...facts } = event;
        logger.warn({ ...facts, err: error }, `ownership: ${event.type}`);
      } else {
        logger.info(event, `ownership: ${event.type}`);
      }
    },
    projected(result) {
      projected.add(result.logs);
      logger.debug({ ...result }, 'projected');
    },
    projectionInterrupted(error) {
      projectionInterruptions.add(1);
      logger.warn({ err: error }, 'projecting the rollups was interrupted; it begins again at the stored positions');
    },
    pricesRead(siteFiles) {
      logger.info({ siteFiles }, 'read the prices of changed site files');
    },
    pricesRefused(error) {
      refusedPrices.add(1);
      const faults = error instanceof ConfigError ? { faults: error.faults } : { err: error };
      logger.error(faults, 'changed site files are not taken: the prices stay as they were');
    },
    unpriced(models) {
      unpricedModels.record(models.length);
      if (models.length === 0) return;
      const names = models.map(({ site, model }) => `${site}/${model}`);
      logger.error({ models: names }, 'models have no price, their own or the default: their requests are refused');
    },
    natsConnection(connected) {
      logger.info({ connected }, connected ? 'connected to NATS' : 'lost NATS');
    },
  };
}
