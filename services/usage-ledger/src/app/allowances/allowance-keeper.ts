import { OmgError } from '@omg/errors';
import {
  createOwner,
  ownerAdvance,
  ownerCharge,
  ownerConnect,
  ownerDisconnect,
  ownerNextDeadline,
  ownerReceive,
  ownerSetScope,
  ownerStreamTime,
  type HolderMessage,
  type OwnerMessage,
  type OwnerOutput,
  type QuotaOwner,
} from '@omg/quota';
import { afterArrivals, OutgoingFrames } from '@omg/quota-link';
import { toQuotaCharge } from '../../domain/allowance-charge.ts';
import type { Booked } from '../charge-messages.ts';
import { AccountIndex } from './account-index.ts';
import type { AllowanceStore } from './allowance-store.ts';
import { loadScopes, type ScopeLoaderOptions } from './scope-loader.ts';
import { Turns } from './turns.ts';

/** Messages of an owner that go out together. */
export type AllowanceFrame = readonly OwnerMessage[];

export interface KeeperEvents {
  /** It is tried again. */
  readonly workFailed: (partition: number, what: string, error: unknown) => void;
  readonly denied: (denial: Extract<OwnerMessage, { kind: 'deny' }>) => void;
}

export interface AllowanceKeeperOptions extends Omit<ScopeLoaderOptions, 'store'> {
  readonly partition: number;
  readonly owned: { readonly term: number; readonly isMine: () => boolean };
  readonly store: AllowanceStore;
  /** Whether all that was published before the call is charged; asked only where somebody's death is waited out. */
  readonly isCaughtUp: () => Promise<boolean>;
  /** Milliseconds that neither go back nor stand still in sleep. */
  readonly nowMs: () => number;
  readonly events: KeeperEvents;
}

/** A request that streams may run so long; what it reserved stays reserved until it must be over. */
const LONGEST_REQUEST_MS = 65 * 60_000;
const RETRY_MS = 250;
const LOOK_AT_STREAM_MS = 1_000;
const MAX_LOADS = 500;

/**
 * The quotas of one partition's accounts, for as long as this process owns it: between the routers' streams, the quota
 * protocol and the books. What is charged and what is read of accounts take turns, so that nothing is counted twice.
 */
export class AllowanceKeeper {
  readonly partition: number;
  readonly #options: AllowanceKeeperOptions;
  readonly #owner: QuotaOwner;
  readonly #turns = new Turns();
  readonly #streams = new Map<string, OutgoingFrames<AllowanceFrame>>();
  readonly #frames = new Map<string, OwnerMessage[]>();
  readonly #index = new AccountIndex();
  readonly #toLoad = new Set<string>();
  #loading = false;
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  #lookedMs = -Infinity;
  #closed = false;

  /** Knows who may hold something of the owner before. */
  static async open(options: AllowanceKeeperOptions): Promise<AllowanceKeeper> {
    return new AllowanceKeeper(options, await options.store.holders(options.partition));
  }

  private constructor(options: AllowanceKeeperOptions, knownHolders: readonly string[]) {
    this.#options = options;
    this.partition = options.partition;
    this.#owner = createOwner(options.owned.term, options.nowMs(), {
      longestRequestMs: LONGEST_REQUEST_MS,
      byStreamTime: true,
      borrowedEndsWithTtl: true,
      knownHolders,
    });
    this.#schedule();
  }

  get isMine(): boolean {
    return !this.#closed && this.#options.owned.isMine();
  }

  get term(): number {
    return this.#owner.term;
  }

  /** For metrics and the reconciliation; changed by nobody but this keeper. */
  get owner(): QuotaOwner {
    return this.#owner;
  }

  // ------------------------------------------------------------------ streams

  /** A router's stream; the router is known in the database before it can be granted anything. */
  async openHold(connection: string, epoch: string): Promise<OutgoingFrames<AllowanceFrame>> {
    const { store } = this.#options;
    this.#check();
    await store.addHolder(this.partition, epoch);
    const stream = new OutgoingFrames<AllowanceFrame>();
    // what is charged between the answer and the connecting would be told to nobody
    await this.#turns.take(async () => {
      const upTo = Number(await store.chargedUpTo(this.partition, epoch));
      this.#check();
      this.#streams.set(connection, stream);
      this.#do((nowMs) => ownerConnect(this.#owner, { connection, epoch, upTo }, nowMs));
    });
    return stream;
  }

  receive(connection: string, messages: readonly HolderMessage[]): void {
    this.#check();
    for (const message of messages) {
      this.#do((nowMs) => ownerReceive(this.#owner, { connection, message }, nowMs));
    }
  }

  closeHold(connection: string): void {
    if (!this.#streams.delete(connection) || this.#closed) return;
    this.#do((nowMs) => ownerDisconnect(this.#owner, connection, nowMs));
  }

  // ------------------------------------------------------------------ charging

  /** Charging goes on while nothing is read of the accounts. */
  async charging<T>(work: () => Promise<T>): Promise<T> {
    return await this.#turns.take(work);
  }

  /** To be called by whoever charges, before its turn ends. */
  booked({ plan, marks }: Booked): void {
    const told = [
      ...plan.charged.map(({ record, costNanoUsd }) => ({ record, costNanoUsd })),
      ...plan.refused.map(({ record }) => ({ record, costNanoUsd: 0n })),
    ];
    for (const { record, costNanoUsd } of told) {
      const upTo = marks.get(record.epoch)?.upTo ?? 0n;
      this.#do((nowMs) => ownerCharge(this.#owner, toQuotaCharge(record, { costNanoUsd, upTo }), nowMs));
    }
  }

  /** Something about the tenant or a key of it was changed. */
  accountChanged(tenantId: string): void {
    for (const name of this.#index.ofTenant(tenantId)) this.#loadSoon(name);
  }

  /** Anything may have been changed. */
  allChanged(): void {
    for (const name of this.#index.all()) this.#loadSoon(name);
  }

  /** The partition is another's, or this process stops. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    const over = this.#notOwner();
    for (const stream of this.#streams.values()) stream.end(over);
    this.#streams.clear();
  }

  // ------------------------------------------------------------------ between the protocol and the rest

  #do(step: (nowMs: number) => readonly OwnerOutput[]): void {
    for (const output of step(this.#options.nowMs())) this.#handle(output);
    this.#flushSoon();
  }

  #handle(output: OwnerOutput): void {
    switch (output.kind) {
      case 'send': {
        this.#gather(output.connection, output.message);
        break;
      }
      case 'close':
        this.#streams.get(output.connection)?.end();
        this.#streams.delete(output.connection);
        break;
      case 'load':
        this.#loadSoon(output.scope);
        break;
      case 'evicted':
        this.#index.forget(output.scope);
        break;
      case 'gone':
        this.#forgetHolder(output.epoch);
    }
  }

  #gather(connection: string, message: OwnerMessage): void {
    if (message.kind === 'deny') this.#options.events.denied(message);
    const frame = this.#frames.getOrInsertComputed(connection, () => []);
    const last = frame.at(-1);
    // one batch charges many events of a router
    if (message.kind === 'committed' && last?.kind === 'committed') frame.pop();
    frame.push(message);
  }

  /** What comes together in one turn of the event loop goes out in one frame for each router. */
  #flushSoon(): void {
    if (this.#flushing || this.#closed) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (!this.isMine) return;
      for (const [connection, frame] of this.#frames) this.#streams.get(connection)?.send(frame);
      this.#frames.clear();
      this.#schedule();
    });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const inMs = Math.min(Math.max(0, ownerNextDeadline(this.#owner) - this.#options.nowMs()), LOOK_AT_STREAM_MS);
    this.#timer = setTimeout(() => {
      afterArrivals(() => {
        this.#advance();
      });
    }, inMs);
  }

  #advance(): void {
    if (!this.isMine) return;
    this.#do((nowMs) => ownerAdvance(this.#owner, nowMs));
    for (const name of this.#index.due(this.#options.now())) this.#loadSoon(name);
    this.#lookAtStream();
  }

  /** Where a router has died: what it left is over when all that it could have published is charged. */
  #lookAtStream(): void {
    const nowMs = this.#options.nowMs();
    const waits = this.#owner.holders.values().some(({ expired, released }) => expired && !released);
    if (!waits || nowMs - this.#lookedMs < LOOK_AT_STREAM_MS) return;
    this.#lookedMs = nowMs;
    void this.#options.isCaughtUp().then(
      (caughtUp) => {
        if (caughtUp && this.isMine) this.#do((now) => ownerStreamTime(this.#owner, nowMs, now));
      },
      (error: unknown) => {
        this.#options.events.workFailed(this.partition, 'stream', error);
      },
    );
  }

  #loadSoon(name: string): void {
    this.#toLoad.add(name);
    if (this.#loading || this.#closed) return;
    this.#loading = true;
    setImmediate(() => {
      void this.#loadAll();
    });
  }

  async #loadAll(): Promise<void> {
    while (this.#toLoad.size > 0 && this.isMine) {
      const names = [...this.#toLoad].slice(0, MAX_LOADS);
      for (const name of names) this.#toLoad.delete(name);
      try {
        await this.#turns.take(async () => {
          await this.#load(names);
        });
      } catch (error) {
        this.#options.events.workFailed(this.partition, 'accounts', error);
        for (const name of names) this.#toLoad.add(name);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#loading = false;
  }

  async #load(names: readonly string[]): Promise<void> {
    const loaded = await loadScopes(names, this.#options);
    if (!this.isMine) return;
    for (const scope of loaded) {
      this.#index.note(scope);
      this.#do((nowMs) => ownerSetScope(this.#owner, scope.settings, nowMs));
    }
  }

  #forgetHolder(epoch: string): void {
    this.#options.store.removeHolder(this.partition, epoch).catch((error: unknown) => {
      // the next owner waits a moment longer for it
      this.#options.events.workFailed(this.partition, 'holders', error);
    });
  }

  #check(): void {
    if (!this.isMine) throw this.#notOwner();
  }

  #notOwner(): OmgError {
    return new OmgError('not_owner', `the accounts of partition ${this.partition} are not owned here any more`);
  }
}
