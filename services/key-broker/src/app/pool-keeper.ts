import { OmgError } from '@omg/errors';
import { redact } from '@omg/llm-wire';
import type { HolderMessage } from '@omg/quota';
import { afterArrivals, OutgoingFrames } from '@omg/quota-link';
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
import { advancePool, drainPool, poolNextDeadline } from '../domain/pool/pool-time.ts';
import type { HoldFrame, PoolConfig, PoolOutcome, PoolOutput } from '../domain/pool/pool-types.ts';
import { operateKey, reportToPool, setPoolProxies, tellProxy } from '../domain/pool/pool-verdicts.ts';
import { UnaryDesk } from '../domain/pool/unary-desk.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import type { ProxyEvent } from '../domain/proxy-health.ts';
import { PoolChores } from './pool-chores.ts';
import { keyNowOf, proxyNowOf } from './pool-now.ts';
import type { PoolClock } from './pool-clock.ts';
import type { KeyNow, PoolOffice, ProxyNow } from './pool-office.ts';
import type { OwnedPoolStore, PoolRecords, StoredBinding, StoredKey } from './pool-store.ts';
import { factsOfKeys, factsOfProxies } from './to-facts.ts';

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

/** Of an upstream's words; the key is taken out before the rest is cut, else a part of it could stay. */
const MAX_MESSAGE = 500;
const MAX_READ = 8_192;

/** Runs one pool for as long as this process owns it: between the streams, the pool's core and the database. */
export class PoolKeeper implements PoolOffice {
  readonly provider: ProviderSpec;
  readonly store: OwnedPoolStore;
  readonly desk: UnaryDesk;
  readonly #options: PoolKeeperOptions;
  readonly #pool: KeyPool;
  readonly #streams = new Map<string, OutgoingFrames<HoldFrame>>();
  #records: PoolRecords;
  #byId: ReadonlyMap<string, StoredKey> = new Map();
  #bindings: ReadonlyMap<string, readonly StoredBinding[]> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #flushing = false;
  #closed = false;
  readonly #chores: PoolChores;
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
    this.#chores = new PoolChores({
      pool: this.#pool,
      store: this.store,
      usedBackupTtlMs: options.usedBackupTtlMs,
      nowMs: clock.nowMs,
      onRecords: (read, changedBy) => {
        this.#take(read, changedBy);
      },
      onChanged: () => {
        this.#flushSoon();
      },
      onFailed: (what, error) => {
        options.events.workFailed(spec.name, what, error);
      },
    });
    owned.signal.addEventListener(
      'abort',
      () => {
        this.#chores.wake();
      },
      { once: true },
    );
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

  /** What there is to do in the database; to be called again and again by the loop that keeps the ownership. */
  async step(idleMs: number): Promise<void> {
    await this.#chores.step(idleMs, this.#options.owned.signal);
  }

  /** The pool is another's, or this process stops. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const over = new OmgError('not_owner', `${this.provider.name} is not owned here any more`);
    for (const stream of this.#streams.values()) stream.end(over);
    this.#streams.clear();
    this.#chores.close(over);
    this.desk.close();
  }

  // ------------------------------------------------------------------ streams

  /** A holder's stream; it is known in the database before it can be granted anything. */
  async openHold(connection: string, epoch: string): Promise<OutgoingFrames<HoldFrame>> {
    this.#check();
    await this.store.addHolder(epoch);
    this.#check();
    const stream = new OutgoingFrames<HoldFrame>();
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
    for (const outcome of frame.outcomes) reportToPool(this.#pool, this.#redacted(outcome), nowMs);
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
    reportToPool(this.#pool, this.#redacted(outcome), this.#nowMs());
    this.#flushSoon();
  }

  /** What is kept of an upstream's words is read by people, and stored as it is: the key is not to be among them. */
  #redacted(outcome: PoolOutcome): PoolOutcome {
    const { keyId, message } = outcome;
    const secret = this.#pool.keys.get(keyId)?.facts.secret;
    if (message === undefined) return outcome;
    if (secret === undefined) return { ...outcome, message: message.slice(0, MAX_MESSAGE) };
    return { ...outcome, message: redact(message.slice(0, MAX_READ), { secrets: [secret] }).slice(0, MAX_MESSAGE) };
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
      const successor = await this.#chores.whenRotated(keyId);
      return successor === undefined ? { refused: 'no_backup_key', keyId } : { keyId: successor };
    }
    await this.#chores.whenWritten();
    return { keyId };
  }

  async refresh(): Promise<void> {
    this.#check();
    await this.#chores.read();
  }

  /** Something was changed in the database; it is read soon, and not too often. */
  changedOutside(): void {
    this.#chores.readSoon();
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
    if (this.#pool.writes.any) this.#chores.wake();
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
        this.#chores.rotate(output);
        break;
      case 'holder_gone':
        this.#chores.forgetHolder(output.epoch);
        break;
      case 'proxy_health':
        this.#chores.writeProxyHealth(output.proxyId, output.health);
        break;
      case 'alert':
        this.#options.events.output(this.provider.name, output.alert);
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const inMs = Math.min(Math.max(0, poolNextDeadline(this.#pool) - this.#nowMs()), 1_000);
    this.#timer = setTimeout(() => {
      afterArrivals(() => {
        if (!this.isMine) return;
        advancePool(this.#pool, this.#nowMs());
        this.#flush();
      });
    }, inMs);
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }

  #check(): void {
    if (!this.isMine) throw new OmgError('not_owner', `${this.provider.name} is not owned here any more`);
  }
}
