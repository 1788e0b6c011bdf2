import type { Journal } from '@omg/journal';
import { observeGauge, type Telemetry } from '@omg/telemetry';

type Watched = Pick<Journal, 'stats' | 'damage' | 'unadoptable'>;

/** Shows how the journal stands; what is returned logs what went wrong since it was last called. */
export function watchJournal(journal: Watched, { logger, meter }: Telemetry): () => void {
  const gauge = (name: string, description: string, read: () => number): void => {
    observeGauge(meter, name, description, read);
  };
  gauge('omg_router_journal_bytes', 'What the journal has on the disk', () => journal.stats().bytes);
  gauge(
    'omg_router_journal_uncommitted_events',
    'Events that the ledger has not been seen to charge',
    () => journal.stats().uncommitted,
  );
  gauge(
    'omg_router_journal_oldest_seconds',
    'How long the oldest of them has waited',
    () => journal.stats().oldestAgeMs / 1_000,
  );
  gauge('omg_router_journal_damage', 'Stretches of journals that the disk has destroyed', () => journal.damage.length);
  gauge(
    'omg_router_journal_failures',
    'Work on the journal that failed without breaking a promise',
    () => journal.stats().failures,
  );
  const said = { failures: 0, damage: 0, unadoptable: new Set<string>() };
  return () => {
    const { failures, lastFailure } = journal.stats();
    if (failures > said.failures) logger.warn({ err: lastFailure, failures }, 'something about the journal failed');
    said.failures = failures;
    for (const damage of journal.damage.slice(said.damage))
      logger.error({ ...damage }, 'a part of a journal is destroyed: what was in it may be missing in the books');
    said.damage = journal.damage.length;
    for (const { path, error } of journal.unadoptable) {
      if (said.unadoptable.has(path)) continue;
      said.unadoptable.add(path);
      logger.error({ path, err: error }, 'a journal cannot be read: its requests are not in the books');
    }
  };
}
