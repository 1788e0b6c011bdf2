import { OmgError } from '@omg/errors';
import type { KeyPool } from '../domain/pool/key-pool.ts';
import { WRITTEN_DOWN } from '../domain/pool/pool-key-changes.ts';
import { setPoolBackups, type ChangedBy } from '../domain/pool/pool-keys.ts';
import { takePoolWrites } from '../domain/pool/pool-time.ts';
import type { PoolOutput } from '../domain/pool/pool-types.ts';
import { notRotated, rotated } from '../domain/pool/pool-verdicts.ts';
import type { ProxyHealth } from '../domain/proxy-health.ts';
import type { OwnedPoolStore, PoolRecords, RotateOrder, Rotated } from './pool-store.ts';
import { factsOfSuccessor } from './to-facts.ts';

export interface PoolChoresOptions {
  readonly pool: KeyPool;
  readonly store: OwnedPoolStore;
  readonly usedBackupTtlMs: number;
  readonly nowMs: () => number;
  readonly onRecords: (records: PoolRecords, changedBy: ChangedBy) => void;
  /** The pool has something to say to its holders. */
  readonly onChanged: () => void;
  /** It is tried again. */
  readonly onFailed: (what: string, error: unknown) => void;
}

type Rotation = Extract<PoolOutput, { kind: 'rotate' }>;

const RETRY_MS = 500;
const EXPIRE_EVERY_MS = 60_000;
/** A read of the whole pool costs its keys: the next one waits for so many times as long. */
const READ_COST_FACTOR = 10;
const MIN_READ_GAP_MS = 200;

/** What a pool has to do in the database, one thing after the other. */
export class PoolChores {
  readonly #options: PoolChoresOptions;
  readonly #rotations: Rotation[] = [];
  readonly #goneHolders = new Set<string>();
  readonly #proxyHealth = new Map<string, ProxyHealth>();
  // whoever waits until a state, a rotation or a read is done
  #written: PromiseWithResolvers<void>[] = [];
  readonly #rotated = new Map<string, PromiseWithResolvers<string | undefined>>();
  #read: PromiseWithResolvers<void>[] = [];
  /** Somebody may have changed something in the database. */
  #isStale = false;
  #readNotBeforeMs = 0;
  #retryAtMs = 0;
  #expireAtMs = 0;
  #wake = Promise.withResolvers<void>();

  constructor(options: PoolChoresOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#wake.resolve();
  }

  rotate(order: Rotation): void {
    this.#rotations.push(order);
    this.wake();
  }

  /** The successor's id, or that there is none; whoever asks while it is under way waits for the same one. */
  async whenRotated(keyId: string): Promise<string | undefined> {
    const done = this.#rotated.get(keyId) ?? Promise.withResolvers<string | undefined>();
    this.#rotated.set(keyId, done);
    return await done.promise;
  }

  forgetHolder(epoch: string): void {
    this.#goneHolders.add(epoch);
    this.wake();
  }

  writeProxyHealth(proxyId: string, health: ProxyHealth): void {
    this.#proxyHealth.set(proxyId, health);
    this.wake();
  }

  async whenWritten(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#written.push(done);
    this.wake();
    await done.promise;
  }

  /** Everything anew, at once, after this system has changed something. */
  async read(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#read.push(done);
    this.#readNotBeforeMs = 0;
    this.wake();
    await done.promise;
  }

  /** Something may be other than it was read: it is read again soon, and not too often. */
  readSoon(): void {
    this.#isStale = true;
    this.wake();
  }

  /** Waits for work, not longer than `idleMs`, and does what there is; throws `not_owner` when the pool is another's. */
  async step(idleMs: number, signal: AbortSignal): Promise<void> {
    await this.#waitForWork(idleMs);
    if (signal.aborted || this.#options.nowMs() < this.#retryAtMs) return;
    await this.#try('rotating', async () => {
      await this.#rotateAll();
    });
    await this.#try('writing states', async () => {
      await this.#writeStates();
    });
    await this.#try('reading', async () => {
      await this.#readAnew();
    });
    await this.#try('proxies', async () => {
      await this.#writeAllProxyHealth();
    });
    await this.#try('holders', async () => {
      await this.#forgetHolders();
    });
    await this.#try('backup keys', async () => {
      await this.#expire();
    });
  }

  /** Nobody is left waiting. */
  close(reason: OmgError): void {
    const waiting = [...this.#written, ...this.#read, ...this.#rotated.values()];
    for (const { promise, reject } of waiting) {
      promise.catch(() => undefined);
      reject(reason);
    }
  }

  async #waitForWork(idleMs: number): Promise<void> {
    const nowMs = this.#options.nowMs();
    const readInMs = this.#wantsRead ? this.#readNotBeforeMs - nowMs : Infinity;
    const retryInMs = this.#retryAtMs - nowMs;
    const timeoutMs = Math.max(0, Math.min(idleMs, retryInMs > 0 ? retryInMs : readInMs));
    const timer = setTimeout(this.#wake.resolve, timeoutMs);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers<void>();
  }

  /** What fails for the database's sake is done again; what fails because the pool is another's is over. */
  async #try(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof OmgError && error.code === 'not_owner') throw error;
      this.#options.onFailed(what, error);
      this.#retryAtMs = this.#options.nowMs() + RETRY_MS;
    }
  }

  async #rotateAll(): Promise<void> {
    const { pool, nowMs, onChanged } = this.#options;
    for (let order = this.#rotations[0]; order !== undefined; order = this.#rotations[0]) {
      const { keyId, cause, actor } = order;
      const key = pool.keys.get(keyId);
      let successorId: string | undefined;
      if (key !== undefined) {
        const result = await this.#rotateStored({ oldId: keyId, cause, actor, nowMs: nowMs(), state: key.state });
        if (result === undefined) {
          setPoolBackups(pool, 0);
          notRotated(pool, order, { again: false, nowMs: nowMs() });
        } else {
          rotated(pool, { oldId: keyId, successor: factsOfSuccessor(result) }, nowMs());
        }
        successorId = result?.successor.id;
        this.readSoon();
      }
      this.#rotated.get(keyId)?.resolve(successorId);
      this.#rotated.delete(keyId);
      this.#rotations.shift();
      onChanged();
    }
  }

  /** A key that somebody deleted in the database meanwhile is rotated by nobody. */
  async #rotateStored(order: RotateOrder): Promise<Rotated | undefined> {
    try {
      return await this.#options.store.rotate(order);
    } catch (error) {
      if (!(error instanceof OmgError && error.code === 'not_found')) throw error;
      return undefined;
    }
  }

  async #writeStates(): Promise<void> {
    const { pool, store } = this.#options;
    const waiting = this.#written;
    this.#written = [];
    const writes = takePoolWrites(pool);
    try {
      if (writes.states.length > 0 || writes.history.length > 0) {
        const changedMeanwhile = await store.writeStates(writes);
        if (changedMeanwhile.length > 0) this.readSoon();
      }
    } catch (error) {
      pool.writes.giveBack(writes);
      this.#written = [...waiting, ...this.#written];
      throw error;
    }
    for (const { resolve } of waiting) resolve();
  }

  get #wantsRead(): boolean {
    return this.#isStale || this.#read.length > 0;
  }

  async #readAnew(): Promise<void> {
    const { store, nowMs, onRecords, onChanged } = this.#options;
    const startedMs = nowMs();
    if (!this.#wantsRead || startedMs < this.#readNotBeforeMs) return;
    const waiting = this.#read;
    this.#read = [];
    this.#isStale = false;
    try {
      const records = await store.read();
      // what this system has changed is in the history already
      onRecords(records, waiting.length > 0 ? WRITTEN_DOWN : 'database');
    } catch (error) {
      this.#read = [...waiting, ...this.#read];
      this.#isStale = true;
      throw error;
    }
    const endedMs = nowMs();
    this.#readNotBeforeMs = endedMs + Math.max(MIN_READ_GAP_MS, READ_COST_FACTOR * (endedMs - startedMs));
    for (const { resolve } of waiting) resolve();
    onChanged();
  }

  async #writeAllProxyHealth(): Promise<void> {
    for (const [proxyId, health] of this.#proxyHealth) {
      this.#proxyHealth.delete(proxyId);
      try {
        await this.#options.store.writeProxyHealth(proxyId, health);
      } catch (error) {
        if (!this.#proxyHealth.has(proxyId)) this.#proxyHealth.set(proxyId, health);
        throw error;
      }
    }
  }

  async #forgetHolders(): Promise<void> {
    const gone = [...this.#goneHolders];
    if (gone.length === 0) return;
    await this.#options.store.removeHolders(gone);
    for (const epoch of gone) this.#goneHolders.delete(epoch);
  }

  async #expire(): Promise<void> {
    const { store, nowMs, usedBackupTtlMs } = this.#options;
    if (nowMs() < this.#expireAtMs) return;
    const expired = await store.expireBackups(nowMs(), usedBackupTtlMs);
    this.#expireAtMs = nowMs() + EXPIRE_EVERY_MS;
    if (expired > 0) this.readSoon();
  }
}
