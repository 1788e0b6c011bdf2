import { claimDead, createEpochFolder } from './epoch-folders.ts';
import type { ClaimFailure, ClaimedFolder } from './epoch-folders.ts';
import { EpochLog } from './epoch-log.ts';
import type { Damage, EpochLogOptions, JournalEvent } from './epoch-log.ts';
import type { NumberRange, OpenRequest } from './epoch-state.ts';
import { JournalError, toJournalError } from './journal-error.ts';
import { SegmentFolder } from './segment-files.ts';

export interface JournalOptions {
  /** Shared by all routers of a node, used for nothing else; on a disk of the node, as liveness is shown by a socket. */
  readonly dir: string;
  /** This run of the process: never used before, of `A-Z a-z 0-9 _ -`, at most 64. */
  readonly epoch: string;
  readonly segmentBytes?: number;
  /** When the journals here hold more, `opened` refuses. At twice as much `progress` is no longer written. */
  readonly maxBytes?: number;
  /** When an event waited longer for its charge, `opened` refuses. */
  readonly maxAgeMs?: number;
  /** How often what was written is made to survive the loss of the node too; 0 is never. */
  readonly syncEveryMs?: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** What is left of a process that died. */
export interface AdoptedEpoch {
  readonly epoch: string;
  /** Events to send again, as `events(epoch)` gives them. */
  readonly uncommitted: number;
  /** Opened without done: each wants an event of its own, by `settleLost`. */
  readonly lost: readonly OpenRequest[];
  /** Numbers whose events the disk destroyed. `settleLost` gives them out first, to any request id, as the ledger waits for them. */
  readonly missing: readonly (NumberRange & { readonly partition: number })[];
}

export interface JournalStats {
  readonly bytes: number;
  readonly open: number;
  readonly uncommitted: number;
  readonly oldestAgeMs: number;
  /** Progress that was left out because the journal was too full. */
  readonly progressSkipped: number;
  /** What went wrong without breaking a promise; see `lastFailure`. */
  readonly failures: number;
  readonly lastFailure: JournalError | undefined;
}

export type FullReason = 'bytes' | 'age';

/** Remembers every request from before it is forwarded until the ledger has charged it, over kill -9 of the process. */
export interface Journal extends AsyncDisposable {
  readonly epoch: string;
  /** To be called before the first byte goes up; when it throws, nothing may go up. */
  opened(requestId: string, partition: number, payload: Uint8Array): void;
  /** What an open request used so far. Ignored when the request is not open. */
  progress(requestId: string, payload: Uint8Array): void;
  /** Writes the event that `encode` makes of its number, and returns the number: 1, 2, 3, ... per partition. */
  done(requestId: string, partition: number, encode: (number: bigint) => Uint8Array): bigint;
  /** All events 1..upTo are charged. Unknown epochs are ignored: they were settled. */
  committed(epoch: string, partition: number, upTo: bigint): void;
  /** The dead epochs that this process works off, as they stand now. */
  readonly adopted: readonly AdoptedEpoch[];
  /** Looks for journals whose processes died, and returns the newly adopted. `openJournal` did it once. */
  adoptDead(): Promise<readonly AdoptedEpoch[]>;
  /** Folders that the last look could not adopt. */
  readonly unadoptable: readonly ClaimFailure[];
  /** What recovery found destroyed, in all adopted epochs. */
  readonly damage: readonly Damage[];
  /** As `done`, in the journal of a dead epoch. The event may be sent when it has returned. */
  settleLost(epoch: string, requestId: string, partition: number, encode: (number: bigint) => Uint8Array): bigint;
  /** The uncommitted events of this or an adopted epoch, read from the disk. */
  events(epoch: string): AsyncIterable<JournalEvent>;
  epochsWithUncommitted(): string[];
  /** Why `opened` refuses. */
  readonly full: FullReason | undefined;
  stats(): JournalStats;
}

const MIB = 1024 * 1024;

/** Begins the journal of this process, and adopts those of dead ones. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const folder = await createEpochFolder(options.dir, options.epoch);
  const journal = new FolderJournal(options, folder);
  try {
    await journal.adoptDead();
  } catch (error) {
    await journal[Symbol.asyncDispose]();
    throw error;
  }
  return journal;
}

class FolderJournal implements Journal {
  readonly epoch: string;
  readonly damage: Damage[] = [];
  unadoptable: readonly ClaimFailure[] = [];
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  readonly #own: EpochLog;
  readonly #alive: AsyncDisposable;
  readonly #adopted = new Map<string, EpochLog>();
  readonly #syncTimer: NodeJS.Timeout | undefined;
  #adopting: Promise<unknown> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #progressSkipped = 0;
  #failures = 0;
  #lastFailure: JournalError | undefined;
  #closed = false;

  constructor(options: JournalOptions, folder: { readonly path: string; readonly alive: AsyncDisposable }) {
    this.epoch = options.epoch;
    this.#dir = options.dir;
    this.#maxBytes = options.maxBytes ?? 256 * MIB;
    // The newest segment stays until the next begins, so it must be a small part of all.
    this.#segmentBytes = Math.min(options.segmentBytes ?? 8 * MIB, this.#maxBytes / 4);
    this.#maxAgeMs = options.maxAgeMs ?? 15 * 60_000;
    this.#now = options.now ?? (() => performance.now());
    this.#alive = folder.alive;
    this.#own = new EpochLog(this.#logOptions({ epoch: options.epoch, path: folder.path }));
    const syncEveryMs = options.syncEveryMs ?? 1000;
    if (syncEveryMs > 0)
      this.#syncTimer = setInterval(() => {
        this.#syncing ??= this.#sync();
      }, syncEveryMs).unref();
  }

  opened(requestId: string, partition: number, payload: Uint8Array): void {
    this.#checkOpen();
    const { full } = this;
    if (full !== undefined) throw new JournalError('full', `journal: full by ${full}`);
    this.#own.opened(requestId, partition, payload);
  }

  progress(requestId: string, payload: Uint8Array): void {
    this.#checkOpen();
    if (this.#bytes < 2 * this.#maxBytes) this.#own.progress(requestId, payload);
    else this.#progressSkipped += 1;
  }

  done(requestId: string, partition: number, encode: (number: bigint) => Uint8Array): bigint {
    this.#checkOpen();
    return this.#own.done(requestId, partition, encode);
  }

  committed(epoch: string, partition: number, upTo: bigint): void {
    this.#checkOpen();
    if (epoch === this.epoch && upTo > this.#own.assignedUpTo(partition)) {
      throw new JournalError('invalid_commit', `journal: ${upTo} of partition ${partition} was never numbered`);
    }
    const log = this.#log(epoch);
    if (log === undefined) return;
    log.committed(partition, upTo);
    if (log !== this.#own) this.#dropIfSettled(log);
  }

  get adopted(): readonly AdoptedEpoch[] {
    return Array.from(this.#adopted.values(), toAdoptedEpoch);
  }

  async adoptDead(): Promise<readonly AdoptedEpoch[]> {
    const adoption = this.#adopting.then(async () => await this.#adopt());
    this.#adopting = adoption.catch(() => undefined);
    return await adoption;
  }

  settleLost(epoch: string, requestId: string, partition: number, encode: (number: bigint) => Uint8Array): bigint {
    this.#checkOpen();
    const log = this.#adopted.get(epoch);
    if (log === undefined) throw new JournalError('unknown_epoch', `journal: epoch ${epoch} is not adopted`);
    return log.done(requestId, partition, encode);
  }

  events(epoch: string): AsyncIterable<JournalEvent> {
    const log = this.#log(epoch);
    if (log === undefined) throw new JournalError('unknown_epoch', `journal: epoch ${epoch} is not here`);
    return log.events();
  }

  epochsWithUncommitted(): string[] {
    return this.#logs
      .filter((log) => log.uncommitted > 0 || (log !== this.#own && log.open.size > 0))
      .map((log) => log.epoch);
  }

  get full(): FullReason | undefined {
    if (this.#bytes >= this.#maxBytes) return 'bytes';
    return this.#oldestAgeMs > this.#maxAgeMs ? 'age' : undefined;
  }

  stats(): JournalStats {
    const logs = this.#logs;
    return {
      bytes: this.#bytes,
      open: logs.reduce((sum, log) => sum + log.open.size, 0),
      uncommitted: logs.reduce((sum, log) => sum + log.uncommitted, 0),
      oldestAgeMs: this.#oldestAgeMs,
      progressSkipped: this.#progressSkipped,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#syncTimer);
    await this.#adopting;
    await this.#syncing;
    for (const log of this.#logs) log.close();
    const settled = this.#own.isSettled;
    // From the moment the socket is closed others may adopt what is left, so what is not needed goes before.
    if (settled) this.#own.removeSegments();
    await this.#alive[Symbol.asyncDispose]();
    if (settled) this.#own.removeFolder();
  }
  get #logs(): EpochLog[] {
    return [this.#own, ...this.#adopted.values()];
  }

  get #bytes(): number {
    let bytes = this.#own.sizeBytes;
    for (const log of this.#adopted.values()) bytes += log.sizeBytes;
    return bytes;
  }

  get #oldestAgeMs(): number {
    let oldestMs = this.#own.oldestAgeMs;
    for (const log of this.#adopted.values()) oldestMs = Math.max(oldestMs, log.oldestAgeMs);
    return oldestMs;
  }

  #log(epoch: string): EpochLog | undefined {
    return epoch === this.epoch ? this.#own : this.#adopted.get(epoch);
  }

  #logOptions({ epoch, path }: ClaimedFolder): EpochLogOptions {
    return {
      epoch,
      files: new SegmentFolder(path),
      segmentBytes: this.#segmentBytes,
      now: this.#now,
      onFailure: (error) => {
        this.#failures += 1;
        this.#lastFailure = error;
      },
    };
  }

  async #adopt(): Promise<AdoptedEpoch[]> {
    this.#checkOpen();
    const { claimed, failures } = await claimDead(this.#dir, this.epoch);
    const adopted: AdoptedEpoch[] = [];
    for (const folder of claimed) {
      if (this.#adopted.has(folder.epoch)) continue;
      try {
        const log = await EpochLog.recover(this.#logOptions(folder));
        this.damage.push(...log.damage);
        this.#adopted.set(folder.epoch, log);
        if (!this.#dropIfSettled(log)) adopted.push(toAdoptedEpoch(log));
      } catch (error) {
        failures.push({ path: folder.path, error: toJournalError(error, `recover ${folder.path}`) });
      }
    }
    this.unadoptable = failures;
    return adopted;
  }

  #dropIfSettled(log: EpochLog): boolean {
    if (!log.isSettled) return false;
    this.#adopted.delete(log.epoch);
    log.close();
    log.removeSegments();
    log.removeFolder();
    return true;
  }

  async #sync(): Promise<void> {
    await Promise.all(this.#logs.map(async (log) => await log.sync()));
    this.#syncing = undefined;
  }

  #checkOpen(): void {
    if (this.#closed) throw new JournalError('closed', 'journal: closed');
  }
}

function toAdoptedEpoch(log: EpochLog): AdoptedEpoch {
  return {
    epoch: log.epoch,
    uncommitted: log.uncommitted,
    lost: [...log.open.values()],
    missing: log.missing,
  };
}
