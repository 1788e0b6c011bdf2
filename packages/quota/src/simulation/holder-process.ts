import type { Amounts } from '../dimensions.ts';
import { admit, settle } from '../holder/admit.ts';
import { flush } from '../holder/flush.ts';
import { holderAdvance, holderConnect, holderDisconnect, holderNextDeadline, holderReceive } from '../holder/holder.ts';
import { createHolder } from '../holder/holder-state.ts';
import type { Admission, HolderEvent, HolderOptions, QuotaHolder, ScopeNeed } from '../holder/holder-state.ts';
import type { OwnerMessage } from '../messages.ts';
import { Actor } from './actor.ts';
import type { Timeline } from './actor.ts';
import type { Ledger } from './ledger.ts';
import type { Link } from './link.ts';
import type { Truth } from './truth.ts';

export interface SimRequest {
  readonly needs: readonly ScopeNeed[];
  readonly durationMs: number;
  readonly tokens: number;
  /** What it really costs. */
  readonly nanoUsd: number;
  readonly done?: (result: 'served' | 'denied' | 'unavailable' | 'lost') => void;
}

export interface DenialRecord {
  readonly request: SimRequest;
  readonly askedMs: number;
  readonly deniedMs: number;
}

/** What surrounds the holder's core in a router: requests, the stream, the journal. */
export class HolderProcess extends Actor {
  readonly epoch: string;
  readonly core: QuotaHolder;
  link: Link | undefined;
  readonly denials: DenialRecord[] = [];
  served = 0;
  offline = 0;
  unavailable = 0;
  readonly #truth: Truth;
  readonly #ledger: Ledger;
  readonly #reconnect: (process: HolderProcess) => void;
  readonly #waiting = new Map<Admission, { readonly request: SimRequest; readonly askedMs: number }>();
  readonly #running = new Map<Admission, SimRequest>();
  #events = 0;

  constructor(
    timeline: Timeline,
    options: {
      readonly truth: Truth;
      readonly ledger: Ledger;
      readonly core: HolderOptions;
      readonly clock: { readonly offsetMs: number; readonly rate: number };
      readonly reconnect: (process: HolderProcess) => void;
    },
  ) {
    super(timeline, options.clock);
    this.#truth = options.truth;
    this.#ledger = options.ledger;
    this.#reconnect = options.reconnect;
    this.epoch = options.core.epoch;
    this.core = createHolder(options.core, this.localMs);
  }

  connect(link: Link): void {
    this.perform(() => {
      this.link = link;
      holderConnect(this.core, link.id, this.localMs);
    });
  }

  received(link: Link, received: { readonly term: number; readonly message: OwnerMessage }): void {
    this.#handle(holderReceive(this.core, { connection: link.id, ...received }, this.localMs));
  }

  disconnected(link: Link): void {
    this.perform(() => {
      holderDisconnect(this.core, link.id, this.localMs);
      if (this.link !== link) return;
      this.link = undefined;
      this.#reconnect(this);
    });
  }

  request(request: SimRequest): void {
    if (!this.alive) {
      request.done?.('lost');
      return;
    }
    this.perform(() => {
      const admission = admit(this.core, request.needs, this.localMs);
      this.#waiting.set(admission, { request, askedMs: this.timeline.nowMs });
      this.#resolve(admission);
    });
  }

  /** Killed: its requests are gone, its journal is found later. */
  kill(recoveryMs: number): void {
    this.alive = false;
    this.link?.break();
    for (const [admission, request] of this.#running) {
      const reserved = new Map(admission.parts.map(({ scope, need }) => [scope, { ...need }]));
      this.#end(admission, new Map(Array.from(reserved, ([scope, { nanoUsd }]) => [scope, { nanoUsd }])));
      request.done?.('lost');
      const number = ++this.#events;
      const scopes = Array.from(reserved, ([scope, amounts]) => ({
        scope,
        reserved: amounts,
        costNanoUsd: amounts.nanoUsd,
      }));
      this.timeline.at(this.timeline.nowMs + recoveryMs, () => {
        this.#ledger.publish({ epoch: this.epoch, number, opened: admission.opened, scopes });
      });
    }
    this.#running.clear();
    for (const { request } of this.#waiting.values()) request.done?.('lost');
    this.#waiting.clear();
  }

  protected pump(): void {
    this.#handle(holderAdvance(this.core, this.localMs));
    for (const message of flush(this.core, this.localMs)) this.link?.sendUp(message);
  }

  protected nextLocalMs(): number {
    return holderNextDeadline(this.core);
  }

  #handle(events: readonly HolderEvent[]): void {
    for (const event of events) {
      if (event.kind === 'close') {
        this.link?.break();
      } else {
        this.#resolve(event.admission);
      }
    }
  }

  #resolve(admission: Admission): void {
    const asked = this.#waiting.get(admission);
    if (admission.state === 'waiting' || asked === undefined) return;
    this.#waiting.delete(admission);
    const { request, askedMs } = asked;
    if (admission.state === 'denied') {
      const limited = admission.denial?.reason === 'limit';
      if (limited) this.denials.push({ request, askedMs, deniedMs: this.timeline.nowMs });
      else this.unavailable++;
      request.done?.(limited ? 'denied' : 'unavailable');
      return;
    }
    this.served++;
    if (admission.offline) this.offline++;
    this.#running.set(admission, request);
    for (const { scope, need } of admission.parts) this.#truth.begin(scope, need, this.timeline.nowMs);
    this.timeline.at(this.timeline.nowMs + request.durationMs, () => {
      this.perform(() => {
        this.#settle(admission, request);
      });
    });
  }

  #settle(admission: Admission, request: SimRequest): void {
    if (!this.#running.delete(admission)) return;
    const number = ++this.#events;
    const used: Amounts = { tokens: request.tokens, nanoUsd: request.nanoUsd };
    this.#end(admission, new Map(admission.parts.map(({ scope }) => [scope, used])));
    settle(this.core, admission, {
      outcome: { tokens: request.tokens, nanoUsd: request.nanoUsd, event: number },
      nowMs: this.localMs,
    });
    const scopes = admission.parts.map(({ scope, need }) => {
      const costNanoUsd = need.nanoUsd > 0 ? request.nanoUsd : 0;
      return { scope, reserved: { ...need, nanoUsd: costNanoUsd }, costNanoUsd };
    });
    this.#ledger.publish({ epoch: this.epoch, number, opened: admission.opened, scopes });
    request.done?.('served');
  }

  #end(admission: Admission, used: ReadonlyMap<string, Amounts>): void {
    for (const { scope, need } of admission.parts) {
      this.#truth.end(scope, { need, used: used.get(scope) ?? {} }, this.timeline.nowMs);
    }
  }
}
