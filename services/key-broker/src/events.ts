import type { OwnershipEvent } from '@omg/mongo';
import type { Telemetry } from '@omg/telemetry';
import type { KeeperEvents } from './app/pool-keeper.ts';
import type { PoolAlert } from './domain/pool/pool-types.ts';

export interface Events extends KeeperEvents {
  documentFaulty: (collection: string, id: string, fault: string) => void;
  ownership: (event: OwnershipEvent) => void;
  watchFailed: (error: unknown) => void;
  countingFailed: (provider: string, error: unknown) => void;
  natsConnection: (connected: boolean) => void;
  holder: (event: { readonly connected: boolean; readonly service: string; readonly epoch: string }) => void;
}

/** What operators are to be called for; the rest is only worth a line. */
const SEVERITY: Readonly<Record<PoolAlert['alert'], 'error' | 'warn' | 'info'>> = {
  no_backup_key: 'error',
  key_exhausted: 'warn',
  key_rotated: 'warn',
  backups_low: 'warn',
  below_floor: 'error',
  proxy_dead: 'error',
  proxy_recovered: 'info',
  hold: 'error',
  hold_ended: 'info',
};

const TEXT: Readonly<Record<PoolAlert['alert'], string>> = {
  no_backup_key: 'there is no backup key to take the place of a key',
  key_exhausted: 'a key is exhausted',
  key_rotated: 'a backup key has taken the place of a key',
  backups_low: 'the backup keys run low',
  below_floor: 'fewer keys can be used than there should be',
  proxy_dead: 'a proxy fails and is not used for a while',
  proxy_recovered: 'a proxy works again',
  hold: 'many keys failed alike: what they have in common is held, and the keys are not blamed',
  hold_ended: 'what was held works again',
};

export function makeEvents({ logger, meter }: Telemetry): Events {
  const faulty = meter.createCounter('omg_broker_faulty_documents', {
    description: 'Documents that could not be read',
  });
  const alerts = meter.createCounter('omg_broker_alerts', { description: 'Alerts of the pools, by kind' });
  const failures = meter.createCounter('omg_broker_work_failures', {
    description: 'Work of a pool that failed and is done again',
  });
  const holders = meter.createUpDownCounter('omg_broker_holders', { description: 'Open streams of holders' });
  // a faulty document is met again at every read; once is enough for the log
  const told = new Set<string>();
  return {
    documentFaulty(collection, id, fault) {
      faulty.add(1, { collection });
      const line = `${collection}/${id}: ${fault}`;
      if (told.has(line)) return;
      told.add(line);
      logger.error({ collection, documentId: id, fault }, 'a document cannot be read and is left out');
    },
    poolTaken(provider, term, keys) {
      logger.info({ provider, term, keys }, 'owns the pool');
    },
    output(provider, { alert, ...facts }) {
      alerts.add(1, { provider, alert });
      logger[SEVERITY[alert]]({ provider, alert, ...facts }, TEXT[alert]);
    },
    workFailed(provider, what, error) {
      failures.add(1, { provider, what });
      logger.warn({ provider, what, err: error }, 'work of the pool failed and is done again');
    },
    ownership(event) {
      if (event.type === 'work_failed' || event.type === 'call_failed') {
        logger.warn({ ...event, err: event.error, error: undefined }, `ownership: ${event.type}`);
      } else {
        logger.info(event, `ownership: ${event.type}`);
      }
    },
    watchFailed(error) {
      logger.warn({ err: error }, 'changes in the database cannot be watched; it is tried again, and all is read anew');
    },
    countingFailed(provider, error) {
      failures.add(1, { provider, what: 'counting' });
      logger.warn({ provider, err: error }, 'what keys were used for cannot be counted at the moment');
    },
    natsConnection(connected) {
      logger.info({ connected }, connected ? 'connected to NATS' : 'lost NATS; the use of keys is counted later');
    },
    holder({ connected, service, epoch }) {
      holders.add(connected ? 1 : -1, { service });
      logger.info({ service, epoch }, connected ? 'a holder has come' : 'a holder has gone');
    },
  };
}
