import { auditCost } from '../../domain/audit/audit-cost.ts';
import type { AuditedLog } from '../../domain/audit/audited-log.ts';
import { EntryAudit, compareEntry, type LoggedEntry } from '../../domain/audit/entry-audit.ts';
import type { Finding } from '../../domain/audit/finding.ts';
import type { Horizon } from '../../domain/audit/horizon.ts';
import type { Price } from '@omg/pricing';
import type { PriceStore } from '../ports.ts';
import type { AuditStore } from './audit-ports.ts';
import { NumberCheck, type NumberCheckDeps } from './number-check.ts';

export interface CheckLogsDeps extends NumberCheckDeps {
  readonly store: AuditStore;
  readonly prices: Pick<PriceStore, 'all'>;
  readonly partitions: number;
}

/** So many ids are looked up together. */
const LOOKUP = 1_000;
/** So many entries that have another fault are not said to lack their first log as well. */
const MAX_NAMED = 10_000;

/** Reads all logs once: what each costs, the entries that they are parts of, and their numbers. */
export async function* checkLogs(deps: CheckLogsDeps, horizon: Horizon, signal: AbortSignal): AsyncIterable<Finding> {
  const { store, partitions } = deps;
  const prices = new PriceTable(deps.prices);
  const numbers = new NumberCheck(deps, horizon);
  const named = new Set<string>();
  await numbers.begin();
  for (let partition = 0; partition < partitions; partition += 1) {
    const entries = new EntryAudit();
    for await (const logs of store.logs(partition)) {
      for (const log of logs) {
        entries.add(log);
        yield* numbers.add(log);
      }
      yield* auditCosts(logs, prices);
      yield* compareEntries(entries.takeComplete());
    }
    yield* compareEntries(entries.takeRest());
  }
  yield* compareFirstLogs();
  yield* numbers.finish(signal);

  async function* compareEntries(complete: Iterable<LoggedEntry>): AsyncIterable<Finding> {
    const all = [...complete];
    for (let at = 0; at < all.length; at += LOOKUP) {
      const some = all.slice(at, at + LOOKUP);
      const booked = await store.entriesOf(some.map(({ id }) => id));
      for (const entry of some) {
        const compared = compareEntry(entry, booked.get(entry.id), horizon.chargedSinceMs);
        if (compared === 'unknowable') {
          yield { check: 'entries', unknowable: 1 };
          continue;
        }
        if (compared.length > 0 && named.size < MAX_NAMED) named.add(entry.id);
        for (const difference of compared) yield { check: 'entries', difference };
      }
    }
  }

  /** Entries that no log led to. */
  async function* compareFirstLogs(): AsyncIterable<Finding> {
    for await (const entries of store.entries()) {
      const begun = await store.begun(entries.map(({ id }) => id));
      const missing = entries.filter(({ id }) => !begun.has(id) && !named.has(id));
      const unknowable = missing.filter(({ at }) => at.getTime() < horizon.chargedSinceMs).length;
      for (const { id, at, requests } of missing)
        if (at.getTime() >= horizon.chargedSinceMs)
          yield {
            check: 'entries',
            difference: {
              subject: `entry ${id}`,
              what: 'first log',
              expected: `one of ${requests} requests`,
              found: 'none',
            },
          };
      yield { check: 'entries', checked: entries.length - unknowable };
      if (unknowable > 0) yield { check: 'entries', unknowable };
    }
  }
}

async function* auditCosts(logs: readonly AuditedLog[], prices: PriceTable): AsyncIterable<Finding> {
  for (const log of logs) {
    const price = prices.known(log.priceVersion) ?? (await prices.find(log.priceVersion));
    for (const difference of auditCost(log, price)) yield { check: 'costs', difference };
  }
  yield { check: 'costs', checked: logs.length };
}

/** Price versions by name. */
class PriceTable {
  readonly #store: Pick<PriceStore, 'all'>;
  readonly #prices = new Map<string, Price>();
  readonly #missing = new Set<string>();

  constructor(store: Pick<PriceStore, 'all'>) {
    this.#store = store;
  }

  known(version: string): Price | undefined {
    return this.#prices.get(version);
  }

  /** It may be newer than what was read; what is missing is looked for once. */
  async find(version: string): Promise<Price | undefined> {
    if (this.#missing.has(version)) return undefined;
    for (const stored of await this.#store.all()) this.#prices.set(stored.version, stored.price);
    if (!this.#prices.has(version) && this.#missing.size < MAX_NAMED) this.#missing.add(version);
    return this.#prices.get(version);
  }
}
