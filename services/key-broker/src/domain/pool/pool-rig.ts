import {
  admit,
  createHolder,
  flush,
  holderAdvance,
  holderConnect,
  holderDisconnect,
  holderReceive,
  holderUnspent,
  settle,
  type Admission,
  type QuotaHolder,
} from '@omg/quota';
import { AFFINITY_DEFAULTS } from '../affinity-table.ts';
import { ATTRIBUTION_DEFAULTS } from '../attribution-config.ts';
import type { OutcomeCause } from '../key-event.ts';
import { KEY_STATE_DEFAULTS } from '../key-state-config.ts';
import { NEW_KEY_STATE, type KeyState } from '../key-state.ts';
import type { ProviderSpec } from '../provider-registry.ts';
import { NEW_PROXY_HEALTH, PROXY_HEALTH_DEFAULTS } from '../proxy-health.ts';
import { createKeyPool, type KeyPool, type KeyPoolOptions } from './key-pool.ts';
import { connectHolder, disconnectHolder, receiveOfHolder } from './pool-holders.ts';
import { setPoolKeys, type KeyRecord } from './pool-keys.ts';
import type { PoolKey } from './pool-key.ts';
import { advancePool, drainPool } from './pool-time.ts';
import type {
  HoldFrame,
  KeyFacts,
  KeyInfo,
  PoolAlert,
  PoolConfig,
  PoolInfo,
  PoolOutcome,
  PoolOutput,
  ProbeGrant,
  ProxyFacts,
} from './pool-types.ts';
import { reportToPool, setPoolProxies } from './pool-verdicts.ts';
import { UnaryDesk } from './unary-desk.ts';

// A pool with holders beside it, for the tests: a network without delay, and a clock that is turned by hand.

const NOW = 1_000_000_000;

export const SPEC: ProviderSpec = {
  name: 'acme',
  primary: { baseUrl: 'https://acme.test', chatCompletionsPath: '/c', messagesPath: '/m' },
  backup: { baseUrl: 'https://backup.acme.test', chatCompletionsPath: '/c', messagesPath: '/m' },
  keyFormat: /^.+$/,
  causeOverrides: [],
  proxies: 'allowed',
  http2: false,
};

export const CONFIG: PoolConfig = {
  keyState: { ...KEY_STATE_DEFAULTS, jitterShare: 0 },
  attribution: ATTRIBUTION_DEFAULTS,
  affinity: { ...AFFINITY_DEFAULTS, minBuckets: 64 },
  proxyHealth: PROXY_HEALTH_DEFAULTS,
  allowDirect: true,
  ttlMs: 15_000,
  waitMs: 250,
  defaultSlots: 50,
  floorKeys: 0,
  lowBackups: 0,
};

export interface KeyChange {
  readonly terms?: Partial<KeyFacts['terms']>;
  readonly state?: Partial<KeyState>;
  readonly bindings?: KeyFacts['bindings'];
  readonly secret?: string;
  readonly changedByHand?: boolean;
}

export function record(id: string, change: KeyChange = {}): KeyRecord {
  const { terms, state, bindings = [], secret = `secret of ${id}`, changedByHand = false } = change;
  const none = { allowedModels: undefined, slots: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined };
  return {
    facts: {
      id,
      secret,
      terms: { enableFailover: false, ...none, ...terms },
      state: { ...NEW_KEY_STATE, enableFailover: terms?.enableFailover ?? false, ...state },
      bindings,
    },
    changedByHand,
  };
}

export function proxy(id: string, change: Partial<ProxyFacts> = {}): ProxyFacts {
  const address = { id, type: 'http', host: id, port: 1 } as const;
  return { address, isActive: true, health: { ...NEW_PROXY_HEALTH, results: [true] }, ...change };
}

export const binding = (proxyId: string, priority = 1): KeyFacts['bindings'][number] => ({
  proxyId,
  priority,
  isActive: true,
});

export interface Wish {
  readonly wish?: string;
  readonly model?: string;
  readonly exclude?: readonly string[];
  readonly tokens?: number;
}

export class Rig {
  readonly pool: KeyPool;
  readonly desk: UnaryDesk;
  nowMs = NOW;
  /** All but frames. */
  readonly outputs: PoolOutput[] = [];
  readonly #holders = new Map<string, RigHolder>();
  #connections = 0;

  constructor(
    keys: readonly KeyRecord[],
    options: {
      readonly config?: Partial<PoolConfig>;
      readonly pool?: Partial<KeyPoolOptions>;
      readonly proxies?: readonly ProxyFacts[];
      readonly nowMs?: number;
    } = {},
  ) {
    this.nowMs = options.nowMs ?? NOW;
    const config = { ...CONFIG, ...options.config };
    this.pool = createKeyPool(
      { spec: SPEC, config, term: 1, knownHolders: [], random: () => 0, ...options.pool },
      this.nowMs,
    );
    setPoolProxies(this.pool, options.proxies ?? [], this.nowMs);
    setPoolKeys(this.pool, keys, this.nowMs);
    this.desk = new UnaryDesk(this.pool, 'desk', this.nowMs);
    this.settle();
  }

  get alerts(): readonly PoolAlert[] {
    return this.outputs.flatMap((output) => (output.kind === 'alert' ? [output.alert] : []));
  }

  key(id: string): PoolKey {
    const key = this.pool.keys.get(id);
    if (key === undefined) throw new Error(`no key ${id}`);
    return key;
  }

  holder(epoch: string): RigHolder {
    this.#connections += 1;
    const holder = new RigHolder(this, epoch, `connection-${this.#connections}`);
    this.#holders.set(holder.connection, holder);
    connectHolder(this.pool, holder.connection, epoch, this.nowMs);
    this.settle();
    return holder;
  }

  /** The keys as they are stored now. */
  change(keys: readonly KeyRecord[]): void {
    setPoolKeys(this.pool, keys, this.nowMs);
    this.settle();
  }

  /** A holder of the owner before comes to this one. */
  adopt(holder: RigHolder): RigHolder {
    holder.rig = this;
    this.reconnect(holder);
    return holder;
  }

  disconnect(holder: RigHolder): void {
    this.#holders.delete(holder.connection);
    disconnectHolder(this.pool, holder.connection, this.nowMs);
    holderDisconnect(holder.core, holder.connection, this.nowMs);
  }

  /** Opens another stream for the same process. */
  reconnect(holder: RigHolder): void {
    this.#connections += 1;
    holder.connection = `connection-${this.#connections}`;
    this.#holders.set(holder.connection, holder);
    holderConnect(holder.core, holder.connection, this.nowMs);
    connectHolder(this.pool, holder.connection, holder.core.epoch, this.nowMs);
    this.settle();
  }

  /** Until nobody has anything to say. */
  settle(): void {
    for (let rounds = 0; rounds < 50; rounds += 1) {
      this.desk.pump(this.nowMs);
      for (const holder of this.#holders.values()) holder.flush();
      const outputs = drainPool(this.pool, this.nowMs);
      if (outputs.length === 0) return;
      for (const output of outputs) this.#deliver(output);
    }
    throw new Error('it does not come to rest');
  }

  advance(durationMs: number, stepMs = 10): void {
    const untilMs = this.nowMs + durationMs;
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.nowMs + stepMs);
      advancePool(this.pool, this.nowMs);
      for (const holder of this.#holders.values()) holderAdvance(holder.core, this.nowMs);
      this.settle();
    }
  }

  report(keyId: string, cause: OutcomeCause, change: Partial<PoolOutcome> = {}): void {
    const { generation, endpoint } = this.key(keyId).state;
    const outcome = { keyId, generation, endpoint, proxyId: undefined, cause, status: 0, errorWords: [] };
    reportToPool(this.pool, { ...outcome, ...change }, this.nowMs);
    this.settle();
  }

  /** The verdict of a probe, as whoever has it gives it. */
  reportProbe(probe: ProbeGrant | undefined, cause: OutcomeCause): void {
    if (probe === undefined) throw new Error('it was no probe');
    const { keyId, generation, probeId, access } = probe;
    const { route, endpoint } = access;
    const proxyId = route.via === 'proxy' ? route.proxyId : undefined;
    const outcome = { keyId, generation, endpoint, proxyId, cause, status: 0, errorWords: [] };
    reportToPool(this.pool, { ...outcome, ...(probeId !== undefined && { probeId }) }, this.nowMs);
    this.settle();
  }

  #deliver(output: PoolOutput): void {
    if (output.kind !== 'frame') {
      this.outputs.push(output);
      if (output.kind === 'close') this.#holders.delete(output.connection);
      return;
    }
    if (output.connection === UnaryDesk.connection) this.desk.receive(output.frame, this.nowMs);
    else this.#holders.get(output.connection)?.receive(output.frame);
  }
}

/** What it knows is what it was told last. */
export class RigHolder {
  readonly core: QuotaHolder;
  connection: string;
  readonly frames: HoldFrame[] = [];
  readonly keys = new Map<string, KeyInfo>();
  readonly probes = new Map<number, ProbeGrant>();
  info: PoolInfo | undefined;
  rig: Rig;

  constructor(rig: Rig, epoch: string, connection: string) {
    this.rig = rig;
    this.connection = connection;
    this.core = createHolder({ epoch, failOpen: false }, rig.nowMs);
    holderConnect(this.core, connection, rig.nowMs);
  }

  /** Asks the owner. */
  ask({ wish = '', model = '', exclude = [], tokens = 0 }: Wish = {}): Admission {
    const need = { slots: 1, requests: 1, tokens };
    const choice = { kind: model, exclude };
    const admission = admit(this.core, [{ scope: wish, need, choice }], this.rig.nowMs, { ask: true });
    this.rig.settle();
    return admission;
  }

  /** The key that it got at once. */
  take(wish: Wish = {}): string {
    return keyOf(this.ask(wish));
  }

  /** Of what is held. */
  useHeld(keyId: string): Admission {
    return admit(this.core, [{ scope: keyId, need: { slots: 1 } }], this.rig.nowMs);
  }

  unspent(keyId: string): number {
    return holderUnspent(this.core, keyId, this.rig.nowMs).slots ?? 0;
  }

  release(admission: Admission, tokens = 0): void {
    settle(this.core, admission, { outcome: { tokens, nanoUsd: 0 }, nowMs: this.rig.nowMs });
    this.rig.settle();
  }

  probeOf(admission: Admission): ProbeGrant | undefined {
    return this.probes.get(admission.ref ?? -1);
  }

  flush(): void {
    const { pool, nowMs } = this.rig;
    for (const message of flush(this.core, nowMs)) receiveOfHolder(pool, this.connection, message, nowMs);
  }

  receive(frame: HoldFrame): void {
    const { pool, nowMs } = this.rig;
    this.frames.push(frame);
    if (frame.snapshot) this.keys.clear();
    for (const id of frame.goneKeys) this.keys.delete(id);
    for (const info of frame.keys) this.keys.set(info.keyId, info);
    for (const probe of frame.probes) this.probes.set(probe.ref, probe);
    this.info = frame.pool ?? this.info;
    for (const message of frame.quota) {
      holderReceive(this.core, { connection: this.connection, term: pool.term, message }, nowMs);
    }
  }
}

export function keyOf({ state, parts }: Admission): string {
  return state === 'running' ? (parts[0]?.scope ?? '') : state;
}
