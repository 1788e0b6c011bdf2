import {
  admit,
  createHolder,
  flush,
  holderAdvance,
  holderConnect,
  holderDisconnect,
  holderNextDeadline,
  holderReceive,
  holderUnspent,
  settle,
  type Admission,
  type HolderEvent,
  type QuotaHolder,
} from '@omg/quota';
import type { OutcomeCause } from '../../key-event.ts';
import type { EndpointName } from '../../key-state.ts';
import type { KeyInfo, ProbeGrant } from '../pool-types.ts';
import type { DownFrame, Link, UpFrame } from './link.ts';
import { Process, type Clock, type Timeline } from './timeline.ts';
import type { Running, Watch } from './watch.ts';

export interface SimRequest {
  readonly model: string;
  readonly wish: string;
  readonly firstByteMs: number;
  readonly durationMs: number;
}

export interface Surroundings {
  readonly watch: Watch;
  /** What the upstream says to a request with this key. */
  readonly upstream: (keyId: string) => { readonly cause: OutcomeCause; readonly retryAfterMs?: number };
  readonly slotsOf: (keyId: string) => number;
  /** The longest that a message takes. */
  readonly maxDelayMs: number;
  readonly reconnect: (process: HolderProcess) => void;
}

interface Lease {
  readonly admission: Admission;
  readonly keyId: string;
  readonly generation: bigint;
  readonly endpoint: EndpointName;
  readonly probe: ProbeGrant | undefined;
}

const MOST_TRIES = 3;

/** What surrounds the holder's core in a router: what it was told of the keys, and requests, which try again. */
export class HolderProcess extends Process {
  readonly epoch: string;
  readonly core: QuotaHolder;
  link: Link | undefined;
  /** Since when it hears all that its owner says. */
  #tuned: { readonly sinceMs: number } | undefined;
  readonly #keys = new Map<string, KeyInfo>();
  readonly #probes = new Map<number, ProbeGrant>();
  readonly #waiting = new Map<
    Admission,
    {
      readonly request: SimRequest;
      readonly exclude: readonly string[];
      readonly askedMs: number;
      readonly tries: number;
    }
  >();
  readonly #running = new Set<Running>();
  #outcomes: UpFrame['outcomes'][number][] = [];
  #probeWanted = false;
  #heldUntilMs = -Infinity;
  readonly #world: Surroundings;

  constructor(
    timeline: Timeline,
    options: { readonly epoch: string; readonly world: Surroundings; readonly clock: Clock },
  ) {
    super(timeline, options.clock);
    this.epoch = options.epoch;
    this.#world = options.world;
    this.core = createHolder({ epoch: options.epoch, failOpen: false }, this.localMs);
  }

  get waits(): number {
    return this.#waiting.size;
  }

  connect(link: Link): void {
    this.perform(() => {
      this.link = link;
      this.#tuned = undefined;
      holderConnect(this.core, link.id, this.localMs);
    });
  }

  received(link: Link, { term, frame }: DownFrame): void {
    this.perform(() => {
      if (link !== this.link) return;
      if (frame.snapshot) {
        this.#keys.clear();
        this.#tuned = { sinceMs: this.timeline.nowMs };
      }
      for (const id of frame.goneKeys) this.#keys.delete(id);
      for (const info of frame.keys) this.#learn(info);
      if (frame.pool !== undefined) {
        this.#probeWanted = frame.pool.probeWanted;
        this.#heldUntilMs = this.localMs + frame.pool.heldForMs;
      }
      for (const probe of frame.probes) this.#probes.set(probe.ref, probe);
      for (const message of frame.quota) {
        this.#handle(holderReceive(this.core, { connection: link.id, term, message }, this.localMs));
      }
      for (const probe of frame.probes) if (this.#probes.delete(probe.ref)) this.#drop(probe);
    });
  }

  disconnected(link: Link): void {
    this.perform(() => {
      holderDisconnect(this.core, link.id, this.localMs);
      if (this.link !== link) return;
      this.link = undefined;
      this.#tuned = undefined;
      this.#world.reconnect(this);
    });
  }

  request(request: SimRequest): void {
    this.perform(() => {
      this.#try(request, [], 0);
    });
  }

  kill(): void {
    this.alive = false;
    this.link?.break();
    for (const running of this.#running) this.#world.watch.end(running);
    this.#running.clear();
  }

  protected pump(): void {
    this.#handle(holderAdvance(this.core, this.localMs));
    const quota = flush(this.core, this.localMs);
    if (!this.core.welcomed || (quota.length === 0 && this.#outcomes.length === 0)) return;
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    this.link?.sendUp({ outcomes, quota });
  }

  protected nextLocalMs(): number {
    return holderNextDeadline(this.core);
  }

  #learn(info: KeyInfo): void {
    const known = this.#keys.get(info.keyId);
    // access is told once for a generation
    const access = info.access ?? (known?.generation === info.generation ? known.access : undefined);
    this.#keys.set(info.keyId, { ...info, access });
  }

  #try(request: SimRequest, exclude: readonly string[], tries: number): void {
    if (exclude.length >= MOST_TRIES || tries >= 2 * MOST_TRIES) return;
    const isLive = this.core.welcomed;
    const asksForProbe = isLive && this.#probeWanted && exclude.length === 0;
    if (!asksForProbe && this.#heldUntilMs > this.localMs) return;
    if (!asksForProbe && this.#startHeld(request, exclude)) return;
    if (!isLive) return;
    if (asksForProbe) this.#probeWanted = false;
    const choice = { kind: request.model, exclude };
    const need = { scope: request.wish, need: { slots: 1 }, choice };
    const admission = admit(this.core, [need], this.localMs, { ask: true });
    this.#waiting.set(admission, { request, exclude, askedMs: this.timeline.nowMs, tries: tries + 1 });
    this.#resolve(admission);
  }

  #startHeld(request: SimRequest, exclude: readonly string[]): boolean {
    const fits = (info: KeyInfo | undefined): info is KeyInfo =>
      info !== undefined &&
      this.#isUsable(info, request) &&
      !exclude.includes(info.keyId) &&
      (holderUnspent(this.core, info.keyId, this.localMs).slots ?? 0) >= 1;
    const wish = this.#keys.get(request.wish);
    const info = fits(wish) ? wish : this.#keys.values().find(fits);
    if (info === undefined) return false;
    const admission = admit(this.core, [{ scope: info.keyId, need: { slots: 1 } }], this.localMs);
    if (admission.state !== 'running') return false;
    this.#startOf(request, exclude, { info, admission, isHeld: true });
    return true;
  }

  #isUsable({ usable, access, allowedModels, deniedModels }: KeyInfo, { model }: SimRequest): boolean {
    if (!usable || access === undefined) return false;
    return (allowedModels.length === 0 || allowedModels.includes(model)) && !deniedModels.includes(model);
  }

  #handle(events: readonly HolderEvent[]): void {
    for (const event of events) {
      if (event.kind === 'close') this.link?.break();
      else this.#resolve(event.admission);
    }
  }

  #resolve(admission: Admission): void {
    const asked = this.#waiting.get(admission);
    if (asked === undefined || admission.state === 'waiting') return;
    this.#waiting.delete(admission);
    const { request, exclude, askedMs, tries } = asked;
    const { watch } = this.#world;
    if (admission.state === 'denied') {
      const { denial } = admission;
      if (denial?.reason !== 'limit') watch.unavailable += 1;
      else {
        const { model } = request;
        watch.refusals.push({ reason: denial.scope, model, exclude, askedMs, deniedMs: this.timeline.nowMs });
      }
      return;
    }
    const keyId = admission.parts[0]?.scope ?? '';
    const ref = admission.ref ?? -1;
    const probe = this.#probes.get(ref);
    this.#probes.delete(ref);
    const info = this.#keys.get(keyId);
    if (probe !== undefined) {
      const { generation, access } = probe;
      this.#start(request, exclude, { admission, keyId, generation, endpoint: access.endpoint, probe });
    } else if (
      info !== undefined &&
      this.#isUsable(info, request) &&
      !(admission.offline && this.#heldUntilMs > this.localMs)
    ) {
      this.#startOf(request, exclude, { info, admission, isHeld: admission.offline });
    } else {
      // something has become of it meanwhile
      this.#settle(admission);
      this.#try(request, exclude, tries);
    }
  }

  #startOf(
    request: SimRequest,
    exclude: readonly string[],
    of: { readonly info: KeyInfo; readonly admission: Admission; readonly isHeld: boolean },
  ): void {
    const { info, admission, isHeld } = of;
    const { keyId, generation, access } = info;
    if (isHeld) this.#checkHeld(keyId);
    const endpoint = access?.endpoint ?? 'primary';
    this.#start(request, exclude, { admission, keyId, generation, endpoint, probe: undefined });
  }

  /** What the owner has said has come after one delay. */
  #checkHeld(keyId: string): void {
    const { watch, maxDelayMs } = this.#world;
    watch.fromHeld += 1;
    const tunedMs = this.#tuned?.sinceMs;
    if (tunedMs === undefined || this.link === undefined || this.link.broken) return;
    if (this.link.cutUntilMs + 2 * maxDelayMs > this.timeline.nowMs) return;
    const heardMs = this.timeline.nowMs - maxDelayMs - 1;
    const sinceMs = watch.blockedSinceMs(keyId);
    if (sinceMs === undefined || sinceMs >= heardMs || tunedMs >= heardMs) return;
    watch.fault(`${keyId} was used of what was held, after ${this.epoch} had heard that it may not`);
  }

  #start(request: SimRequest, exclude: readonly string[], lease: Lease): void {
    const { watch, upstream, slotsOf } = this.#world;
    const running: Running = { keyId: lease.keyId, epoch: this.epoch, excused: false };
    this.#running.add(running);
    watch.begin(running, slotsOf(lease.keyId));
    const { nowMs } = this.timeline;
    this.timeline.at(nowMs + request.firstByteMs, () => {
      this.perform(() => {
        const verdict = upstream(lease.keyId);
        this.#report(lease, verdict);
        if (verdict.cause === 'success') return;
        this.#end(running, lease.admission);
        if (verdict.cause !== 'cancelled') this.#try(request, [...exclude, lease.keyId], 0);
      });
    });
    this.timeline.at(nowMs + request.firstByteMs + request.durationMs, () => {
      this.perform(() => {
        this.#end(running, lease.admission);
      });
    });
  }

  #report(lease: Lease, verdict: ReturnType<Surroundings['upstream']>): void {
    const { keyId, generation, endpoint, probe } = lease;
    const { cause } = verdict;
    if (cause === 'cancelled' && probe === undefined) return;
    this.#outcomes.push({
      keyId,
      generation,
      endpoint,
      proxyId: undefined,
      status: 0,
      errorWords: [],
      model: 'm',
      isProbe: probe !== undefined,
      ...verdict,
      ...(probe?.probeId !== undefined && { probeId: probe.probeId }),
    });
  }

  #drop(probe: ProbeGrant): void {
    const { keyId, generation, access, probeId } = probe;
    const outcome = { keyId, generation, endpoint: access.endpoint, proxyId: undefined, status: 0, errorWords: [] };
    this.#outcomes.push({ ...outcome, cause: 'cancelled', isProbe: true, ...(probeId !== undefined && { probeId }) });
  }

  #end(running: Running, admission: Admission): void {
    if (!this.#running.delete(running)) return;
    this.#world.watch.end(running);
    this.#settle(admission);
  }

  #settle(admission: Admission): void {
    settle(this.core, admission, { outcome: { tokens: 0, nanoUsd: 0 }, nowMs: this.localMs });
  }
}
