import { availability, isServing } from '../../key-availability.ts';
import type { OperatorEvent } from '../../key-event.ts';
import { createKeyPool, type KeyPool } from '../key-pool.ts';
import { connectHolder, disconnectHolder, receiveOfHolder } from '../pool-holders.ts';
import { setPoolBackups, setPoolKeys } from '../pool-keys.ts';
import { advancePool, drainPool, poolNextDeadline, takePoolWrites } from '../pool-time.ts';
import type { HoldFrame, PoolConfig, PoolOutput } from '../pool-types.ts';
import { SPEC } from '../pool-rig.ts';
import { notRotated, operateKey, reportToPool, rotated } from '../pool-verdicts.ts';
import type { Database } from './database.ts';
import type { Link, UpFrame } from './link.ts';
import type { Random } from './random.ts';
import { Process, type Clock, type Timeline } from './timeline.ts';
import type { Watch } from './watch.ts';

/** What surrounds a pool in its owner: streams, and the database, to which it writes now and then. */
export class OwnerProcess extends Process {
  readonly pool: KeyPool;
  readonly #links = new Map<string, Link>();
  readonly #database: Database;
  readonly #random: Random;
  readonly #watch: Watch;
  /** Probes of keys that nothing has ended yet. */
  readonly #probes = new Map<
    string,
    { readonly generation: bigint; readonly endpoint: string; readonly untilMs: number }
  >();
  /** Some holder was away for its first second: what that one has it could not know. */
  guessed = false;

  constructor(
    timeline: Timeline,
    options: {
      readonly term: number;
      readonly config: PoolConfig;
      readonly database: Database;
      readonly random: Random;
      readonly watch: Watch;
      readonly clock: Clock;
    },
  ) {
    super(timeline, options.clock);
    const { term, config, database, random, watch } = options;
    this.#database = database;
    this.#random = random;
    this.#watch = watch;
    const knownHolders = [...database.holders];
    this.pool = createKeyPool({ spec: SPEC, config, term, knownHolders, random: () => random.next() }, this.localMs);
    setPoolBackups(this.pool, database.backups);
    setPoolKeys(this.pool, [...database.keys.values()], this.localMs);
    this.#writeSoon();
  }

  connected(link: Link): void {
    this.perform(() => {
      this.#links.set(link.id, link);
      this.#database.holders.add(link.holder.epoch);
      connectHolder(this.pool, link.id, link.holder.epoch, this.localMs);
    });
  }

  received(link: Link, { outcomes, quota }: UpFrame): void {
    this.perform(() => {
      for (const outcome of outcomes) this.#report(outcome);
      for (const message of quota) receiveOfHolder(this.pool, link.id, message, this.localMs);
    });
  }

  disconnected(link: Link): void {
    this.perform(() => {
      this.#links.delete(link.id);
      disconnectHolder(this.pool, link.id, this.localMs);
    });
  }

  operate(keyId: string, event: OperatorEvent): void {
    this.perform(() => {
      this.#probes.delete(keyId);
      operateKey(this.pool, keyId, event, this.localMs);
    });
  }

  /** Takes from the database what has changed there. */
  read(): void {
    this.perform(() => {
      this.#write();
      setPoolBackups(this.pool, this.#database.backups);
      setPoolKeys(this.pool, [...this.#database.keys.values()], this.localMs);
    });
  }

  protected pump(): void {
    const now = this.localMs;
    const { owner } = this.pool;
    this.guessed ||= owner.missing.size > 0 && now >= owner.startedMs + 1_000;
    const before = [...owner.holders.values()].filter(({ expired }) => !expired);
    if (now >= poolNextDeadline(this.pool)) advancePool(this.pool, now);
    for (const record of before) if (record.expired) this.#watch.excuse(record.epoch);
    for (let outputs = drainPool(this.pool, now); outputs.length > 0; outputs = drainPool(this.pool, now)) {
      for (const output of outputs) this.#handle(output);
    }
    this.#forgetProbes();
    this.#watch.see(this.pool, now);
  }

  /** What is well again without its probe, as when its failure was not its own, or gone, has none any more. */
  #forgetProbes(): void {
    for (const [id, { endpoint }] of this.#probes) {
      const state = this.pool.keys.get(id)?.state;
      if (state === undefined || (isServing(state) && state.endpoint === endpoint)) this.#probes.delete(id);
    }
  }

  protected nextLocalMs(): number {
    return poolNextDeadline(this.pool);
  }

  #report(outcome: UpFrame['outcomes'][number]): void {
    const { keyId, generation, isProbe } = outcome;
    const before = this.pool.keys.get(keyId)?.state;
    const probe = this.#probes.get(keyId);
    if (isProbe && probe?.generation === generation) this.#probes.delete(keyId);
    reportToPool(this.pool, outcome, this.localMs);
    const after = this.pool.keys.get(keyId)?.state;
    if (before === undefined || after === undefined || before.generation === after.generation) return;
    if (!isServing(before) && isServing(after) && !isProbe) {
      this.#watch.fault(`${keyId} was healed by a lease that was no probe of it`);
    }
  }

  #handle(output: PoolOutput): void {
    switch (output.kind) {
      case 'frame': {
        this.#check(output.frame);
        this.#links.get(output.connection)?.sendDown({ term: this.pool.term, frame: output.frame });
        break;
      }
      case 'close':
        this.#links.get(output.connection)?.break();
        break;
      case 'holder_gone':
        this.#database.holders.delete(output.epoch);
        break;
      case 'rotate':
        this.timeline.at(this.timeline.nowMs + this.#random.between(1, 100), () => {
          this.perform(() => {
            this.#rotate(output);
          });
        });
        break;
      case 'alert':
      case 'proxy_health':
    }
  }

  #rotate(order: Extract<PoolOutput, { kind: 'rotate' }>): void {
    const { keyId } = order;
    if (!this.pool.keys.has(keyId)) return;
    const successor = this.#database.rotate(keyId);
    if (successor === undefined) notRotated(this.pool, order, { again: false, nowMs: this.localMs });
    else rotated(this.pool, { oldId: keyId, successor }, this.localMs);
  }

  /** What is granted may be leased, or is the one probe. */
  #check({ quota, probes, keys }: HoldFrame): void {
    for (const message of quota) {
      if (message.kind !== 'grant') continue;
      for (const { scope, add } of message.scopes) {
        if ((add.slots ?? 0) === 0) continue;
        if (!this.pool.connections.values().some(({ access }) => access.has(scope))) {
          this.#watch.fault(`${scope} was granted without its secret`);
        }
        const key = this.pool.keys.get(scope);
        const probe = probes.find(({ ref }) => ref === message.ref);
        if (probe !== undefined) {
          this.#checkProbe(probe);
          continue;
        }
        const may = key === undefined ? undefined : availability(key.state, this.localMs);
        if (may?.lease !== 'any' || key?.rotating === true) {
          this.#watch.fault(`${scope} was granted, which is ${may?.lease === 'none' ? may.why : 'not leasable'}`);
        }
        if (this.pool.holds.provider !== undefined)
          this.#watch.fault(`${scope} was granted while its provider is held`);
      }
    }
    for (const { keyId, access } of keys) {
      if (access !== undefined && access.secret !== this.pool.keys.get(keyId)?.facts.secret) {
        this.#watch.fault(`${keyId} was told with an old secret`);
      }
    }
  }

  #checkProbe({ keyId, generation, probeId, access }: HoldFrame['probes'][number]): void {
    this.#watch.probes += 1;
    if (probeId !== undefined) return;
    const { probeTtlMs } = this.pool.config.keyState;
    const known = this.#probes.get(keyId);
    if (known !== undefined && this.localMs < known.untilMs) this.#watch.fault(`two probes of ${keyId} at a time`);
    this.#probes.set(keyId, { generation, endpoint: access.endpoint, untilMs: this.localMs + probeTtlMs });
  }

  #writeSoon(): void {
    this.timeline.at(this.timeline.nowMs + this.#random.between(5, 200), () => {
      if (!this.alive) return;
      this.#write();
      this.#writeSoon();
    });
  }

  #write(): void {
    this.#database.write(takePoolWrites(this.pool));
  }
}
