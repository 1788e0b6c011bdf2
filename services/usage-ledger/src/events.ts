import type { Telemetry } from '@omg/telemetry';
import type { ChargeMessagesResult } from './app/charge-messages.ts';

export interface Events {
  charged: (result: ChargeMessagesResult) => void;
  readingInterrupted: (partition: number, error: unknown) => void;
  natsConnection: (connected: boolean) => void;
}

export function makeEvents({ logger, meter }: Telemetry): Events {
  const charged = meter.createCounter('omg_ledger_charged_requests', { description: 'Requests put into the books' });
  const duplicates = meter.createCounter('omg_ledger_duplicate_events', {
    description: 'Events that were in the books already',
  });
  const deadLetters = meter.createCounter('omg_ledger_dead_letters', {
    description: 'Events that could not be charged',
  });
  const interruptions = meter.createCounter('omg_ledger_reading_interruptions', {
    description: 'Times a partition was read anew',
  });
  return {
    charged(result) {
      charged.add(result.charged);
      duplicates.add(result.duplicates);
      deadLetters.add(result.deadLetters);
      if (result.deadLetters > 0)
        logger.error(
          { count: result.deadLetters, position: result.position },
          'events cannot be charged and wait in dead_letters',
        );
      else logger.debug({ ...result }, 'charged');
    },
    readingInterrupted(partition, error) {
      interruptions.add(1, { partition });
      logger.warn(
        { err: error, partition },
        'reading the usage stream was interrupted; it begins again at the stored position',
      );
    },
    natsConnection(connected) {
      logger.info({ connected }, connected ? 'connected to NATS' : 'lost NATS');
    },
  };
}
