import type { Telemetry } from '@omg/telemetry';

export interface Events {
  keyDocumentFaulty: (collection: string, id: string, fault: string) => void;
  reloadFailed: (error: unknown) => void;
}

export function makeEvents({ logger, meter }: Telemetry): Events {
  const faulty = meter.createCounter('omg_broker_faulty_documents', {
    description: 'Key documents that could not be read',
  });
  const failures = meter.createCounter('omg_broker_reload_failures', {
    description: 'Times the keys could not be read from MongoDB',
  });
  // a faulty document is met again at every reload; once is enough for the log
  const told = new Set<string>();
  return {
    keyDocumentFaulty(collection, id, fault) {
      faulty.add(1, { collection });
      const line = `${collection}/${id}: ${fault}`;
      if (told.has(line)) return;
      told.add(line);
      logger.error({ collection, keyId: id, fault }, 'a key document cannot be read and is left out');
    },
    reloadFailed(error) {
      failures.add(1);
      logger.warn({ err: error }, 'the keys could not be read; the pool stays as it was');
    },
  };
}
