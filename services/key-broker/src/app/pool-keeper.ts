import { OmgError } from '@omg/errors';
import type { HolderMessage } from '@omg/quota';
import type { OperatorEvent } from '../domain/key-event.ts';
import { createKeyPool, type KeyPool } from '../domain/pool/key-pool.ts';
import {
  connectHolder,
  disconnectHolder,
  receiveOfHolder,
  sendAffinity,
  touchBuckets,
} from '../domain/pool/pool-holders.ts';
import { WRITTEN_DOWN } from '../domain/pool/pool-key-changes.ts';
import { setPoolBackups, setPoolKeys, type ChangedBy } from '../domain/pool/pool-keys.ts';
import { advancePool, drainPool, poolNextDeadline, takePoolWrites } from '../domain/pool/pool-time.ts';
import type { PoolConfig, PoolOutcome, PoolOutput } from '../domain/pool/pool-types.ts';
import {
  notRotated,
  operateKey,
  reportToPool,
  rotated,
  setPoolProxies,
  tellProxy,
} from '../domain/pool/pool-verdicts.ts';
import { UnaryDesk } from '../domain/pool/unary-desk.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import type { ProxyEvent, ProxyHealth } from '../domain/proxy-health.ts';
import { HoldStream } from './hold-stream.ts';
import { keyNowOf, proxyNowOf } from './pool-now.ts';
import type { PoolClock } from './pool-clock.ts';
import type { KeyNow, PoolOffice, ProxyNow } from './pool-office.ts';
import type { OwnedPoolStore, PoolRecords, RotateOrder, Rotated, StoredBinding, StoredKey } from './pool-store.ts';
import { factsOfKeys, factsOfProxies, factsOfSuccessor } from './to-facts.ts';

export interface KeeperEvents {
  poolTaken: (provider: string, term: number, keys: number) => void;
  output: (provider: string, alert: Extract<PoolOutput, { kind: 'alert' }>['alert']) => void;
  /** It is tried again. */
  workFailed: (provider: string, what: string, error: unknown) => void;
}

/** This process's right to act for the pool. */
export interface Tenure {
  readonly term: number;
  readonly signal: AbortSignal;
  readonly isMine: () => boolean;
  readonly renewalDueInMs: () => number;
  /** Throws `not_owner` when it is over. */
  readonly renew: () => Promise<void>;
}

export interface PoolKeeperOptions {
  readonly spec: ProviderSpec;
  readonly config: PoolConfig;
  readonly owned: Tenure;
  readonly store: OwnedPoolStore;
  readonly clock: PoolClock;
  readonly random: () => number;
  readonly makeId: () => string;
  readonly usedBackupTtlMs: number;
  readonly events: KeeperEvents;
}

const RETRY_MS = 500;
const MAX_STEP_MS = 30_000;
const EXPIRE_EVERY_MS = 60_000;
/** A read of the whole pool costs its keys: the next one waits for so many times as long. */
const READ_COST_FACTOR = 10;
const MIN_READ_GAP_MS = 200;

interface WantedRead {
  readonly done: PromiseWithResolvers<void>;
  readonly changedBy: ChangedBy;
}

type Rotation = Extract<PoolOutput, { kind: 'rotate' }>;

/** Runs one pool for as long as this process owns it: between the streams, the pool's core and the database. */
export class PoolKeeper implements PoolOffice {
  readonly provider: ProviderSpec;
  readonly store: OwnedPoolStore;
  readonly desk: UnaryDesk;
  readonly #options: PoolKeeperOptions;
  readonly #pool: KeyPool;
  readonly #streams = new Map<string, HoldStream>();
  #records: PoolRecords;
  #byId: ReadonlyMap<string, StoredKey> = new Map();
  #bindings: ReadonlyMap<string, readonly StoredBinding[]> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #flushing = false;
  #closed = false;
  // what the loop has to do
  #wake = Promise.withResolvers<void>();
  readonly #rotations: Rotation[] = [];
  readonly #goneHolders = new Set<string>();
  readonly #proxyHealth = new Map<string, ProxyHealth>();
  /** Whoever waits until a state, a rotation or a read is done. */
  #written: PromiseWithResolvers<void>[] = [];
  readonly #rotationDone = new Map<string, PromiseWithResolvers<string | undefined>>();
  #reads: WantedRead[] = [];
  #readNotBeforeMs = 0;
  #retryAtMs = 0;
  #expireAtMs = 0;
  #unaryKnown: Promise<void> | undefined;

  /** Reads the pool, and completes what an earlier owner has begun. */
  static async open(options: PoolKeeperOptions): Promise<PoolKeeper> {
    return new PoolKeeper(options, await options.store.load());
  }

  private constructor(options: PoolKeeperOptions, records: PoolRecords) {
    this.#options = options;
    this.provider = options.spec;
    this.store = options.store;
    this.#records = records;
    const { spec, config, owned, random, clock } = options;
    const nowMs = clock.nowMs();
    this.#pool = createKeyPool({ spec, config, term: owned.term, knownHolders: records.holders, random }, nowMs);
    this.#take(records);
    this.desk = new UnaryDesk(this.#pool, options.makeId(), nowMs);
    this.#flushSoon();
    options.events.poolTaken(spec.name, owned.term, records.keys.length);
  }

  get isMine(): boolean {
    return !this.#closed && this.#options.owned.isMine();
  }

  get pool(): KeyPool {
    return this.#pool;
  }

  /** Until the pool is another's, or this process stops. */
  async run(): Promise<void> {
    const { owned } = this.#options;
    const wake = (): void => {
      this.#wake.resolve();
    };
    owned.signal.addEventListener('abort', wake, { once: true });
    try {
      while (!owned.signal.aborted) {
        await owned.renew();
        await this.#renewing(this.#step(owned.renewalDueInMs()));
      }
    } finally {
      owned.signal.removeEventListener('abort', wake);
      this.#close();
    }
  }

  /** A step may have to read a large pool; one that takes longer than that is stuck, and the pool is to be another's. */
  async #renewing(step: Promise<void>): Promise<void> {
    const { owned } = this.#options;
    const done = step.then(() => true as const);
    done.catch(() => undefined);
    const endMs = this.#nowMs() + MAX_STEP_MS;
    while (this.#nowMs() < endMs) {
      const { promise, resolve } = Promise.withResolvers<false>();
      const timer = setTimeout(resolve, Math.max(10, owned.renewalDueInMs()), false);
      const isDone = await Promise.race([done, promise]);
      clearTimeout(timer);
      if (isDone) return;
      await owned.renew();
    }
    await done;
  }

  // ------------------------------------------------------------------ streams

  /** A holder's stream; it is known in the database before it can be granted anything. */
  async openHold(connection: string, epoch: string): Promise<HoldStream> {
    this.#check();
    await this.store.addHolder(epoch);
    this.#check();
    const stream = new HoldStream(connection);
    this.#streams.set(connection, stream);
    connectHolder(this.#pool, connection, epoch, this.#nowMs());
    this.#flushSoon();
    return stream;
  }

  receive(
    connection: string,
    frame: {
      readonly quota: readonly HolderMessage[];
      readonly outcomes: readonly PoolOutcome[];
      readonly touchedBuckets: readonly number[];
      readonly wantAffinity: boolean;
    },
  ): void {
    this.#check();
    const nowMs = this.#nowMs();
    // what has failed is known before somebody asks for more of it
    for (const outcome of frame.outcomes) reportToPool(this.#pool, outcome, nowMs);
    for (const message of frame.quota) receiveOfHolder(this.#pool, connection, message, nowMs);
    touchBuckets(this.#pool, frame.touchedBuckets, nowMs);
    if (frame.wantAffinity) sendAffinity(this.#pool, connection);
    this.#flushSoon();
  }

  closeHold(connection: string): void {
    if (!this.#streams.delete(connection) || this.#closed) return;
    disconnectHolder(this.#pool, connection, this.#nowMs());
    this.#flushSoon();
  }

  /** Before the first lease of the desk: the next owner has to know that somebody may hold something. */
  async knowUnary(): Promise<void> {
    this.#check();
    this.#unaryKnown ??= this.store.addHolder(this.desk.epoch);
    try {
      await this.#unaryKnown;
    } catch (error) {
      this.#unaryKnown = undefined;
      throw error;
    }
  }

  /** Something was done to the pool from outside this class. */
  touched(): void {
    this.#flushSoon();
  }

  report(outcome: PoolOutcome): void {
    this.#check();
    reportToPool(this.#pool, outcome, this.#nowMs());
    this.#flushSoon();
  }

  tellProxy(proxyId: string, event: ProxyEvent): void {
    if (!this.isMine) return;
    tellProxy(this.#pool, proxyId, event, this.#nowMs());
    this.#flushSoon();
  }

  // ------------------------------------------------------------------ administration

  keyNow(keyId: string): KeyNow | undefined {
    const stored = this.#byId.get(keyId);
    return stored === undefined ? undefined : this.#now(stored);
  }

  keysNow(): readonly KeyNow[] {
    return this.#records.keys.flatMap((stored) => this.#now(stored) ?? []);
  }

  backupsNow(): PoolRecords['backups'] {
    return this.#records.backups;
  }

  bindingsNow(): PoolRecords['bindings'] {
    return this.#records.bindings;
  }

  proxiesNow(): readonly ProxyNow[] {
    return this.#records.proxies.flatMap((proxy) => proxyNowOf(this.#pool, proxy) ?? []);
  }

  async operate(
    keyId: string,
    event: OperatorEvent,
  ): Promise<{ readonly refused?: 'no_backup_key'; readonly keyId: string }> {
    this.#check();
    const effects = operateKey(this.#pool, keyId, event, this.#nowMs());
    if (effects === undefined) throw new OmgError('not_found', `${this.provider.name} has no key ${keyId}`);
    this.#flushSoon();
    if (effects.some(({ type }) => type === 'refused')) return { refused: 'no_backup_key', keyId };
    if (effects.some(({ type }) => type === 'rotate')) {
      // whoever asks while it is under way waits for the same one
      const done = this.#rotationDone.get(keyId) ?? Promise.withResolvers<string | undefined>();
      this.#rotationDone.set(keyId, done);
      const successor = await done.promise;
      return successor === undefined ? { refused: 'no_backup_key', keyId } : { keyId: successor };
    }
    await this.#whenWritten();
    return { keyId };
  }

  async refresh(): Promise<void> {
    this.#check();
    const done = Promise.withResolvers<void>();
    this.#reads.push({ done, changedBy: WRITTEN_DOWN });
    this.#readNotBeforeMs = 0;
    this.#wake.resolve();
    await done.promise;
  }

  /** Something was changed in the database; it is read soon, and not too often. */
  changedOutside(): void {
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => undefined);
    this.#reads.push({ done, changedBy: 'database' });
    this.#wake.resolve();
  }

  // ------------------------------------------------------------------ the loop

  async #step(idleMs: number): Promise<void> {
    const nowMs = this.#nowMs();
    await this.#waitForWork(idleMs, nowMs);
    if (this.#options.owned.signal.aborted) return;
    if (this.#nowMs() < this.#retryAtMs) return;
    await this.#try('rotating', () => this.#rotate());
    await this.#try('writing states', () => this.#write());
    await this.#try('reading', () => this.#read());
    await this.#try('proxies', () => this.#writeProxyHealth());
    await this.#try('holders', () => this.#forgetHolders());
    await this.#try('backup keys', () => this.#expire());
  }

  async #waitForWork(idleMs: number, nowMs: number): Promise<void> {
    const readInMs = this.#reads.length === 0 ? Infinity : this.#readNotBeforeMs - nowMs;
    const retryInMs = this.#retryAtMs - nowMs;
    const timeoutMs = Math.max(0, Math.min(idleMs, retryInMs > 0 ? retryInMs : readInMs));
    const timer = setTimeout(this.#wake.resolve, timeoutMs);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers<void>();
  }

  /** What fails for the database's sake is done again; what fails because the pool is another's ends the loop. */
  async #try(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof OmgError && error.code === 'not_owner') throw error;
      this.#options.events.workFailed(this.provider.name, what, error);
      this.#retryAtMs = this.#nowMs() + RETRY_MS;
    }
  }

  async #rotate(): Promise<void> {
    for (let order = this.#rotations[0]; order !== undefined; order = this.#rotations[0]) {
      const { keyId, cause, actor } = order;
      const key = this.#pool.keys.get(keyId);
      if (key !== undefined) {
        const nowMs = this.#nowMs();
        const result = await this.#rotateStored({ oldId: keyId, cause, actor, nowMs, state: key.state });
        if (result === undefined) {
          setPoolBackups(this.#pool, 0);
          this.#wantRead();
          notRotated(this.#pool, order, { again: false, nowMs });
        } else {
          rotated(this.#pool, { oldId: keyId, successor: factsOfSuccessor(result) }, this.#nowMs());
          this.#wantRead();
        }
        this.#rotationDone.get(keyId)?.resolve(result?.successor.id);
      }
      this.#rotationDone.delete(keyId);
      this.#rotations.shift();
      this.#flushSoon();
    }
  }

  /** A key that somebody deleted in the database meanwhile is rotated by nobody. */
  async #rotateStored(order: RotateOrder): Promise<Rotated | undefined> {
    try {
      return await this.store.rotate(order);
    } catch (error) {
      if (!(error instanceof OmgError && error.code === 'not_found')) throw error;
      this.#wantRead();
      return undefined;
    }
  }

  async #write(): Promise<void> {
    const waiting = this.#written;
    this.#written = [];
    const writes = takePoolWrites(this.#pool);
    try {
      if (writes.states.length > 0 || writes.history.length > 0) {
        const changedMeanwhile = await this.store.writeStates(writes);
        if (changedMeanwhile.length > 0) this.#wantRead();
      }
    } catch (error) {
      this.#pool.writes.giveBack(writes);
      this.#written = [...waiting, ...this.#written];
      throw error;
    }
    for (const { resolve } of waiting) resolve();
  }

  async #read(): Promise<void> {
    if (this.#reads.length === 0 || this.#nowMs() < this.#readNotBeforeMs) return;
    const waiting = this.#reads;
    this.#reads = [];
    const startedMs = this.#nowMs();
    try {
      const records = await this.store.read();
      // what this system has changed is in the history already
      const own = waiting.some(({ changedBy }) => changedBy === WRITTEN_DOWN);
      this.#take(records, own ? WRITTEN_DOWN : 'database');
    } catch (error) {
      this.#reads = [...waiting, ...this.#reads];
      throw error;
    }
    const nowMs = this.#nowMs();
    this.#readNotBeforeMs = nowMs + Math.max(MIN_READ_GAP_MS, READ_COST_FACTOR * (nowMs - startedMs));
    for (const { done } of waiting) done.resolve();
    this.#flushSoon();
  }

  async #writeProxyHealth(): Promise<void> {
    for (const [proxyId, health] of this.#proxyHealth) {
      this.#proxyHealth.delete(proxyId);
      try {
        await this.store.writeProxyHealth(proxyId, health);
      } catch (error) {
        if (!this.#proxyHealth.has(proxyId)) this.#proxyHealth.set(proxyId, health);
        throw error;
      }
    }
  }

  async #forgetHolders(): Promise<void> {
    const gone = [...this.#goneHolders];
    if (gone.length === 0) return;
    await this.store.removeHolders(gone);
    for (const epoch of gone) this.#goneHolders.delete(epoch);
  }

  async #expire(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs < this.#expireAtMs) return;
    const expired = await this.store.expireBackups(nowMs, this.#options.usedBackupTtlMs);
    this.#expireAtMs = nowMs + EXPIRE_EVERY_MS;
    if (expired > 0) this.#wantRead();
  }

  // ------------------------------------------------------------------ between the pool and the rest

  #take(records: PoolRecords, changedBy: ChangedBy = WRITTEN_DOWN): void {
    const nowMs = this.#nowMs();
    this.#records = records;
    this.#byId = new Map(records.keys.map((key) => [key.id, key]));
    this.#bindings = Map.groupBy(records.bindings, ({ keyId }) => keyId);
    setPoolProxies(this.#pool, factsOfProxies(records, this.provider.name), nowMs);
    setPoolBackups(this.#pool, records.backups.filter(({ isUsed }) => !isUsed).length);
    setPoolKeys(this.#pool, factsOfKeys(records), nowMs, changedBy);
  }

  #now(stored: StoredKey): KeyNow | undefined {
    return keyNowOf(this.#pool, stored, this.#bindings.get(stored.id) ?? [], this.#nowMs());
  }

  #wantRead(): void {
    this.changedOutside();
  }

  async #whenWritten(): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#written.push(done);
    this.#wake.resolve();
    await done.promise;
  }

  /** What comes together in one turn of the event loop goes out in one frame for each holder. */
  #flushSoon(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.isMine) return;
    const nowMs = this.#nowMs();
    this.desk.pump(nowMs);
    for (let outputs = drainPool(this.#pool, nowMs); outputs.length > 0; outputs = drainPool(this.#pool, nowMs)) {
      for (const output of outputs) this.#handle(output, nowMs);
    }
    if (this.#pool.writes.any) this.#wake.resolve();
    this.#schedule();
  }

  #handle(output: PoolOutput, nowMs: number): void {
    switch (output.kind) {
      case 'frame':
        if (output.connection === UnaryDesk.connection) this.desk.receive(output.frame, nowMs);
        else this.#streams.get(output.connection)?.send(output.frame);
        break;
      case 'close':
        this.#streams.get(output.connection)?.end();
        this.#streams.delete(output.connection);
        break;
      case 'rotate':
        this.#rotations.push(output);
        this.#wake.resolve();
        break;
      case 'holder_gone':
        this.#goneHolders.add(output.epoch);
        this.#wake.resolve();
        break;
      case 'proxy_health':
        this.#proxyHealth.set(output.proxyId, output.health);
        this.#wake.resolve();
        break;
      case 'alert':
        this.#options.events.output(this.provider.name, output.alert);
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const inMs = Math.min(Math.max(0, poolNextDeadline(this.#pool) - this.#nowMs()), 1_000);
    this.#timer = setTimeout(() => {
      if (!this.isMine) return;
      advancePool(this.#pool, this.#nowMs());
      this.#flush();
    }, inMs);
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }

  #check(): void {
    if (!this.isMine) throw new OmgError('not_owner', `${this.provider.name} is not owned here any more`);
  }

  #close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const over = new OmgError('not_owner', `${this.provider.name} is not owned here any more`);
    for (const stream of this.#streams.values()) stream.end(over);
    this.#streams.clear();
    for (const { promise, reject } of [
      ...this.#written,
      ...this.#reads.map(({ done }) => done),
      ...this.#rotationDone.values(),
    ]) {
      promise.catch(() => undefined);
      reject(over);
    }
    this.desk.close();
  }
}
