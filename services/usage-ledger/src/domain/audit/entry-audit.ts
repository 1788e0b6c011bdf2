import type { AuditedLog } from './audited-log.ts';
import { usd, type Difference } from './finding.ts';

/** What the logs say of an entry. */
export interface LoggedEntry {
  readonly id: string;
  readonly tenantId: string;
  readonly partition: number;
  readonly nanoUsd: bigint;
  readonly requests: number;
}

/** An entry as it was booked. */
export interface BookedEntry extends LoggedEntry {
  readonly at: Date;
}

/** Far more than a transaction charges: the logs of an entry follow each other within it. */
const APART = 5_000;

/** Adds up logs by entry, as they come in the order of charging, and has few of them at a time. */
export class EntryAudit {
  readonly #open = new Map<string, LoggedEntry & { readonly lastAt: number }>();
  #count = 0;

  add({ entryId, tenantId, partition, costNanoUsd }: AuditedLog): void {
    this.#count += 1;
    const before = this.#open.get(entryId);
    // behind the others, so that those which nothing was added to for long are in front
    this.#open.delete(entryId);
    this.#open.set(entryId, {
      id: entryId,
      // the first log's: an entry is of one tenant
      tenantId: before === undefined || before.tenantId === tenantId ? tenantId : `${before.tenantId} and ${tenantId}`,
      partition,
      nanoUsd: (before?.nanoUsd ?? 0n) + costNanoUsd,
      requests: (before?.requests ?? 0) + 1,
      lastAt: this.#count,
    });
  }

  /** Entries that get nothing more, once. */
  *takeComplete(): Iterable<LoggedEntry> {
    for (const entry of this.#open.values()) {
      if (entry.lastAt > this.#count - APART) return;
      this.#open.delete(entry.id);
      yield entry;
    }
  }

  /** The others, when there are no more logs. */
  *takeRest(): Iterable<LoggedEntry> {
    yield* this.#open.values();
    this.#open.clear();
  }
}

/** `unknowable` where logs of it may have been forgotten. */
export function compareEntry(
  logged: LoggedEntry,
  booked: BookedEntry | undefined,
  chargedSinceMs: number,
): readonly Difference[] | 'unknowable' {
  const subject = `entry ${logged.id}`;
  if (booked === undefined)
    return [{ subject, what: 'entry', expected: `one of ${logged.requests} requests`, found: 'none' }];
  if (logged.requests < booked.requests && booked.at.getTime() < chargedSinceMs) return 'unknowable';
  return [
    { what: 'tenant', expected: logged.tenantId, found: booked.tenantId },
    { what: 'partition', expected: String(logged.partition), found: String(booked.partition) },
    { what: 'requests', expected: String(logged.requests), found: String(booked.requests) },
    { what: 'amount', expected: usd(logged.nanoUsd), found: usd(booked.nanoUsd) },
  ]
    .filter(({ expected, found }) => expected !== found)
    .map((difference) => ({ subject, ...difference }));
}
