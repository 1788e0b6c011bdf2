import { AffinityView, bucketOf } from '@omg/affinity';
import type { keyBrokerV1 } from '@omg/proto-gen';
import type { Admission, Denial, HolderMessage } from '@omg/quota';
import { fromHolderMessage, HolderLink, toOwnerMessage, type HolderConnection } from '@omg/quota-link';
import type { Lease, LeaseBroker, LeaseRefusal, LeaseVerdict, LeaseWish } from '../../app/lease-broker.ts';
import { OwnerStream, type OpenStream, type OwnerClient, type OwnerReceiver } from '../owner-stream.ts';
import { HeldLease, type HeldLeaseFacts } from './held-lease.ts';
import { fromOutcome, toAffinityDelta, toDirectoryUpdate, toProbeLease, type ProbeLease } from './hold-codec.ts';
import { KeyDirectory, type KeyEntry } from './key-directory.ts';
import { OutcomeBuffer } from './outcome-buffer.ts';
import { ParkedWishes } from './parked-wishes.ts';
import { PoolStanding } from './pool-standing.ts';
import { VerdictTable } from './verdict-table.ts';

export interface LeaseHolderEvents {
  /** An owner answers at this address. */
  connected: (address: string) => void;
  /** What ended the stream, or stood in the way of one. */
  disconnected: (error: unknown) => void;
  refused: (refusal: LeaseRefusal) => void;
  /** So many outcomes came together without a broker that an old one had to be forgotten. */
  outcomeForgotten: () => void;
}

export interface LeaseHolderOptions {
  readonly provider: string;
  /** UUIDv7 of this process run. */
  readonly epoch: string;
  /** `host:port` of key-broker, or of several of its replicas: whichever answers leads to the owner. */
  readonly addresses: readonly string[];
  readonly connect: (address: string) => OwnerClient<keyBrokerV1.HoldRequest, keyBrokerV1.HoldResponse>;
  readonly events: LeaseHolderEvents;
  /** How long what is held stays good while no broker can be reached; 120 s by default. */
  readonly outageGraceMs?: number;
}

export interface LeaseHolderStatus {
  readonly connected: boolean;
  readonly keys: number;
  readonly usableKeys: number;
  readonly leases: number;
}

/** Nobody waits longer than this for a broker. */
const AWAY_MS = 2_000;
const TOUCH_EVERY_MS = 1_000;
const RETURN_MS = 1_500;

/** One provider's keys as a router holds them: slots are taken from what is held, and asked for where that is not enough. */
export class LeaseHolder implements LeaseBroker, AsyncDisposable {
  readonly #provider: string;
  readonly #events: LeaseHolderEvents;
  readonly #link: HolderLink;
  readonly #stream: OwnerStream<keyBrokerV1.HoldRequest, keyBrokerV1.HoldResponse>;
  readonly #directory = new KeyDirectory();
  readonly #affinity = new AffinityView();
  readonly #verdicts = new VerdictTable();
  readonly #outcomes = new OutcomeBuffer();
  readonly #pool = new PoolStanding();
  readonly #parked = new ParkedWishes<HeldLease>();
  readonly #leases = new Set<HeldLease>();
  readonly #probes = new Map<number, ProbeLease>();
  readonly #touched = new Set<number>();
  #touchedSentMs = -Infinity;
  #wantsAffinity = false;
  #isDisposed = false;

  constructor({ provider, epoch, addresses, connect, events, outageGraceMs = 120_000 }: LeaseHolderOptions) {
    this.#provider = provider;
    this.#events = events;
    this.#link = new HolderLink({ epoch, outageGraceMs, failOpen: false });
    this.#stream = new OwnerStream<keyBrokerV1.HoldRequest, keyBrokerV1.HoldResponse>({
      addresses,
      connect,
      opening: { open: { epoch, provider }, quota: [], outcomes: [], touchedBuckets: [], wantAffinity: false },
      onOpen: (stream) => this.#receiver(stream),
      onError: (error) => {
        events.disconnected(error);
      },
    });
  }

  get status(): LeaseHolderStatus {
    const { size: keys, usableKeys } = this.#directory;
    return { connected: this.#link.isLive, keys, usableKeys, leases: this.#leases.size };
  }

  async acquire(wish: LeaseWish): Promise<Lease | LeaseRefusal> {
    const result = await this.#acquire(wish);
    if (wish.signal.aborted) {
      if (result instanceof HeldLease) this.release(result, 0);
    } else if (!(result instanceof HeldLease)) {
      this.#events.refused(result);
    }
    return result;
  }

  report(lease: Lease, verdict: LeaseVerdict): void {
    if (!(lease instanceof HeldLease) || lease.isReported || !this.#leases.has(lease)) return;
    lease.isReported = true;
    this.#verdicts.note(lease.keyId, verdict, this.#link.now());
    if (verdict.cause !== 'cancelled' || lease.isProbe) this.#tell(lease, verdict);
  }

  release(lease: Lease, tokensUsed: number): void {
    if (!(lease instanceof HeldLease) || !this.#leases.has(lease)) return;
    this.report(lease, { cause: 'cancelled' });
    this.#leases.delete(lease);
    this.#link.settle(lease.admission, { tokens: tokensUsed, nanoUsd: 0 });
    if (this.#link.isLive) return;
    this.#parked.serve((wish) => {
      const entry = this.#directory.get(lease.keyId);
      return entry !== undefined && this.#fits(entry, wish) ? this.#takeHeld(entry, wish) : undefined;
    });
  }

  /** Gives back what is held; leases that are still in use end with the process or at the owner's ttl. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#parked.wakeAll();
    await this.#link.returnHeld(RETURN_MS);
    await this.#stream[Symbol.asyncDispose]();
    this.#link[Symbol.dispose]();
  }

  // ------------------------------------------------------------------ acquiring

  async #acquire(wish: LeaseWish): Promise<HeldLease | LeaseRefusal> {
    const deadlineMs = this.#link.now() + AWAY_MS;
    for (;;) {
      const nowMs = this.#link.now();
      if (this.#isDisposed || wish.signal.aborted) return this.#refuse('unavailable');
      const asksForProbe = this.#link.isLive && this.#pool.probeWanted && wish.exclude.length === 0;
      if (!asksForProbe && this.#pool.isHeld(nowMs)) return this.#refuse('held');
      const candidate = this.#candidate(wish, !this.#link.isLive);
      const held = asksForProbe || candidate === undefined ? undefined : this.#takeHeld(candidate, wish);
      if (held !== undefined) return held;
      if (nowMs >= deadlineMs || this.#parked.isFull) return this.#refuse('unavailable');
      // one at a time: whether another probe is wanted, the broker says anew
      if (asksForProbe) this.#pool.probeWanted = false;
      const result = this.#link.isLive
        ? await this.#ask(wish, candidate)
        : await this.#parked.wait(wish, deadlineMs - nowMs);
      if (result !== undefined) return result;
    }
  }

  /** The key that the conversation stays with, else the next one in turn. */
  #candidate(wish: LeaseWish, onlyHeld: boolean): KeyEntry | undefined {
    const fits = (entry: KeyEntry): boolean => this.#fits(entry, wish) && (!onlyHeld || this.#isHeld(entry, wish));
    const keyId = wish.affinityHash === undefined ? undefined : this.#affinity.lookup(wish.affinityHash);
    const home = keyId === undefined ? undefined : this.#directory.get(keyId);
    return home !== undefined && fits(home) ? home : this.#directory.next(fits);
  }

  #fits(entry: KeyEntry, wish: LeaseWish): boolean {
    return (
      this.#suits(entry, wish) &&
      this.#directory.hasRoute(entry) &&
      !this.#verdicts.blocks(entry.keyId, wish.model, this.#link.now())
    );
  }

  #suits({ keyId, usable, allowedModels, deniedModels }: KeyEntry, { model, exclude }: LeaseWish): boolean {
    if (!usable || exclude.includes(keyId)) return false;
    return model === '' || ((allowedModels.size === 0 || allowedModels.has(model)) && !deniedModels.has(model));
  }

  #isHeld(entry: KeyEntry, wish: LeaseWish): boolean {
    return entry.access !== undefined && this.#link.holds(entry.keyId, this.#directory.needOf(entry, wish.tokens));
  }

  #takeHeld(entry: KeyEntry, wish: LeaseWish): HeldLease | undefined {
    const { keyId, generation, access } = entry;
    if (access === undefined || !this.#isHeld(entry, wish)) return undefined;
    const proxy = this.#directory.takeRoute(access.route);
    if (proxy === 'none') return undefined;
    const need = this.#directory.needOf(entry, wish.tokens);
    const admission = this.#link.admit([{ scope: keyId, need }]);
    // what is held is given at once
    if (admission instanceof Promise || admission.state !== 'running') return undefined;
    return this.#lease(wish, { keyId, generation, access, proxy, admission, probe: undefined });
  }

  /** Undefined: the stream ended, or nobody waits any more. */
  async #ask(wish: LeaseWish, candidate: KeyEntry | undefined): Promise<HeldLease | LeaseRefusal | undefined> {
    const { model, exclude, tokens, signal } = wish;
    const scope = candidate?.keyId ?? '';
    const need = this.#directory.needOfAny(tokens);
    const options = { ask: true, signal, endsWithStream: true };
    const admission = await this.#link.admit([{ scope, need, choice: { kind: model, exclude } }], options);
    const { denial } = admission;
    if (denial?.reason === 'unavailable') {
      // a broker that does not answer, or cannot tell, is no better than none
      const other = this.#candidate(wish, true);
      const held = other === undefined ? undefined : this.#takeHeld(other, wish);
      if (held !== undefined) return held;
    }
    if (denial !== undefined) return this.#refuse(this.#reasonOf(denial, wish), denial);
    return admission.state === 'running' ? this.#granted(wish, admission) : undefined;
  }

  /** Undefined: what was granted may not be used any more. */
  #granted(wish: LeaseWish, admission: Admission): HeldLease | LeaseRefusal | undefined {
    const keyId = admission.parts[0]?.scope ?? '';
    const probe = this.#probes.get(admission.ref ?? 0);
    if (probe !== undefined) this.#probes.delete(probe.ref);
    const entry = this.#directory.get(keyId);
    if (probe === undefined && entry?.usable === false) {
      this.#link.settle(admission, { tokens: 0, nanoUsd: 0 });
      return undefined;
    }
    const generation = probe?.generation ?? entry?.generation;
    const access = probe === undefined ? entry?.access : probe.access;
    const proxy = access === undefined ? 'none' : this.#directory.takeRoute(access.route);
    if (generation !== undefined && access !== undefined && proxy !== 'none')
      return this.#lease(wish, { keyId, generation, access, proxy, admission, probe });
    this.#link.settle(admission, { tokens: 0, nanoUsd: 0 });
    if (probe !== undefined) this.#drop(probe);
    return this.#refuse(access === undefined ? 'unavailable' : 'no_proxy');
  }

  #lease(wish: LeaseWish, facts: Omit<HeldLeaseFacts, 'provider'>): HeldLease {
    const lease = new HeldLease({ provider: this.#provider, ...facts });
    this.#leases.add(lease);
    if (wish.affinityHash !== undefined && this.#affinity.lookup(wish.affinityHash) === facts.keyId)
      this.#touched.add(bucketOf(wish.affinityHash, this.#affinity.size));
    return lease;
  }

  #reasonOf({ reason, dimension }: Denial, wish: LeaseWish): LeaseRefusal['reason'] {
    if (this.#pool.isHeld(this.#link.now())) return 'held';
    if (reason === 'unavailable') return 'unavailable';
    if (dimension !== undefined) return 'slots';
    return this.#directory.lacksOnlyRoute((entry) => this.#suits(entry, wish)) ? 'no_proxy' : 'none_available';
  }

  #refuse(reason: LeaseRefusal['reason'], denial?: Denial): LeaseRefusal {
    return this.#pool.refusal(reason, this.#link.now(), denial?.retryAfterMs);
  }

  // ------------------------------------------------------------------ outcomes

  #tell({ keyId, generation, endpointName, proxy, probe, secret }: HeldLease, verdict: LeaseVerdict): void {
    const { message } = verdict;
    const isKept = this.#outcomes.add({
      keyId,
      generation,
      endpointName,
      proxyId: verdict.direct === true ? undefined : proxy?.id,
      probe,
      verdict: message === undefined ? verdict : { ...verdict, message: message.replaceAll(secret, '[key]') },
    });
    if (!isKept) this.#events.outcomeForgotten();
    this.#link.wake();
  }

  /** A probe that nobody takes: the broker gives it to somebody else. */
  #drop({ keyId, generation, probeId, access }: ProbeLease): void {
    const { endpointName = '', route } = access ?? {};
    const proxyId = route?.via === 'proxy' ? route.proxyId : undefined;
    const verdict = { cause: 'cancelled' } as const;
    this.#outcomes.add({ keyId, generation, endpointName, proxyId, probe: { probeId }, verdict });
    this.#link.wake();
  }

  // ------------------------------------------------------------------ the stream

  #receiver({ address, send, close }: OpenStream<keyBrokerV1.HoldRequest>): OwnerReceiver<keyBrokerV1.HoldResponse> {
    const connection = this.#link.connect({
      send: (messages) => {
        send(this.#frame(messages));
      },
      close,
    });
    return {
      received: (response) => this.#received(response, connection, address),
      ended: () => {
        connection.ended();
      },
    };
  }

  #frame(messages: readonly HolderMessage[]): keyBrokerV1.HoldRequest {
    const nowMs = this.#link.now();
    const touches = nowMs >= this.#touchedSentMs + TOUCH_EVERY_MS;
    const frame = {
      quota: messages.map(fromHolderMessage),
      outcomes: this.#outcomes.drain().map(fromOutcome),
      touchedBuckets: touches ? [...this.#touched] : [],
      wantAffinity: this.#wantsAffinity,
    };
    this.#wantsAffinity = false;
    if (touches) {
      this.#touchedSentMs = nowMs;
      this.#touched.clear();
    }
    return frame;
  }

  /** False: it is not of the owner. */
  #received(response: keyBrokerV1.HoldResponse, connection: HolderConnection, address: string): boolean {
    const term = Number(response.term);
    if (term < this.#link.term) return false;
    this.#verdicts.clear();
    if (response.pool !== undefined) this.#pool.apply(response.pool, this.#link.now());
    this.#directory.apply(toDirectoryUpdate(response));
    for (const { keyId, abort } of response.keys) if (abort) this.#cut(keyId);
    if (response.affinity !== undefined) this.#applyAffinity(response.affinity);
    this.#expectProbes(response.probes.map(toProbeLease));
    const wasLive = this.#link.isLive;
    connection.received(
      term,
      response.quota.flatMap((message) => toOwnerMessage(message) ?? []),
    );
    if (!wasLive && this.#link.isLive) {
      this.#events.connected(address);
      this.#parked.wakeAll();
      if (!this.#outcomes.isEmpty) this.#link.wake();
    }
    return true;
  }

  #applyAffinity(update: keyBrokerV1.AffinityUpdate): void {
    if (this.#affinity.applyDelta(toAffinityDelta(update)) !== 'gap') return;
    this.#wantsAffinity = true;
    this.#link.wake();
  }

  #cut(keyId: string): void {
    for (const lease of this.#leases) if (lease.keyId === keyId) lease.abort();
  }

  /** Their Takes are granted by the same frame; who gave up waiting meanwhile does not come for them. */
  #expectProbes(probes: readonly ProbeLease[]): void {
    if (probes.length === 0) return;
    for (const probe of probes) this.#probes.set(probe.ref, probe);
    setImmediate(() => {
      for (const probe of probes) if (this.#probes.delete(probe.ref)) this.#drop(probe);
    });
  }
}
