import { DIMENSIONS, vector } from '../dimensions.ts';
import type { Vector } from '../dimensions.ts';
import type { HolderMessage } from '../messages.ts';
import { createOwner } from '../owner/owner-state.ts';
import type { HolderRecord, OwnerOptions, OwnerOutput, QuotaOwner } from '../owner/owner-state.ts';
import {
  ownerAdvance,
  ownerCharge,
  ownerConnect,
  ownerDisconnect,
  ownerNextDeadline,
  ownerReceive,
  ownerSetScope,
  ownerStreamTime,
} from '../owner/owner.ts';
import { WARM_UP_WAIT_MS } from '../timing.ts';
import { Actor } from './actor.ts';
import type { Timeline } from './actor.ts';
import type { Ledger } from './ledger.ts';
import type { Link } from './link.ts';

/** What surrounds the owner's core in a service: streams, the database, charging. */
export class OwnerProcess extends Actor {
  readonly core: QuotaOwner;
  readonly links = new Map<string, Link>();
  readonly #ledger: Ledger;
  /** Deposed, it may still talk: it stops when it learns that its lease is over. */
  acting = true;
  /** Some holder had not said Hello when it began to grant: what that one has, it could not know. */
  guessed = false;
  /** What it took back at a ttl, of holders that it could not ask, which may have given it to requests meanwhile. */
  readonly takenBack = new Map<string, Vector>();

  constructor(
    timeline: Timeline,
    options: {
      readonly term: number;
      readonly ledger: Ledger;
      readonly core: OwnerOptions;
      readonly clock: { readonly offsetMs: number; readonly rate: number };
    },
  ) {
    super(timeline, options.clock);
    this.#ledger = options.ledger;
    this.core = createOwner(options.term, this.localMs, options.core);
  }

  connected(link: Link): void {
    const { epoch } = link.holder;
    this.links.set(link.id, link);
    this.#ledger.knownHolders.add(epoch);
    const stream = { connection: link.id, epoch, upTo: this.#ledger.upTo.get(epoch) ?? 0 };
    this.#handle(ownerConnect(this.core, stream, this.localMs));
  }

  received(link: Link, message: HolderMessage): void {
    this.#handle(ownerReceive(this.core, { connection: link.id, message }, this.localMs));
  }

  disconnected(link: Link): void {
    this.perform(() => {
      this.links.delete(link.id);
      this.#handle(ownerDisconnect(this.core, link.id, this.localMs));
    });
  }

  set(scope: string): void {
    const settings = this.#ledger.load(scope);
    if (settings !== undefined) this.#handle(ownerSetScope(this.core, settings, this.localMs));
  }

  /** Charges what was published. */
  charge(): void {
    for (let charge = this.#ledger.charge(); charge !== undefined; charge = this.#ledger.charge()) {
      this.#handle(ownerCharge(this.core, charge, this.localMs));
    }
    const lagMs = this.timeline.nowMs - this.#ledger.chargedUntilMs;
    this.#handle(ownerStreamTime(this.core, this.localMs - lagMs, this.localMs));
  }

  protected pump(): void {
    const { missing, startedMs } = this.core;
    this.guessed ||= missing.size > 0 && this.localMs >= startedMs + WARM_UP_WAIT_MS;
    const before = [...this.core.holders.values()].filter(({ expired }) => !expired).map(unspentOf);
    this.#handle(ownerAdvance(this.core, this.localMs));
    for (const { record, unspent } of before) {
      if (!record.expired) continue;
      for (const [scope, amounts] of unspent) {
        const sum = this.takenBack.get(scope) ?? vector();
        for (const dimension of DIMENSIONS) sum[dimension] += amounts[dimension];
        this.takenBack.set(scope, sum);
      }
    }
  }

  protected nextLocalMs(): number {
    return ownerNextDeadline(this.core);
  }

  #handle(outputs: readonly OwnerOutput[]): void {
    if (!this.acting) return;
    for (const output of outputs) {
      switch (output.kind) {
        case 'send':
          this.links.get(output.connection)?.sendDown(this.core.term, output.message);
          break;
        case 'close':
          this.links.get(output.connection)?.break();
          break;
        case 'load':
          this.timeline.at(this.timeline.nowMs + 2, () => {
            this.perform(() => {
              this.set(output.scope);
            });
          });
          break;
        case 'gone':
          this.#ledger.knownHolders.delete(output.epoch);
          break;
        case 'evicted':
      }
    }
  }
}

function unspentOf(record: HolderRecord): { record: HolderRecord; unspent: Map<string, Vector> } {
  const unspent = new Map<string, Vector>();
  for (const [scope, share] of record.shares) {
    const sum = vector();
    for (const dimension of DIMENSIONS) sum[dimension] = share.unspent[dimension] + share.inFlightWant[dimension];
    unspent.set(scope, sum);
  }
  return { record, unspent };
}
