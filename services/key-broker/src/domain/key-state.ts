export type KeyStatus = 'healthy' | 'rate_limited' | 'exhausted' | 'error' | 'using_failover';

export type EndpointName = 'primary' | 'backup';

/** `gone`: rotated away or deleted; nothing but a restore brings it back. */
export type LifeStatus = KeyStatus | 'gone';

/** The one lease that may decide about a key; whatever else it says, a second one is not given before this one ended. */
export interface Probe {
  readonly endpoint: EndpointName;
  readonly generation: bigint;
  readonly untilMs: number;
}

/** What happened again and again without a success in between; a success makes all of them zero. */
export interface InARow {
  readonly failures: number;
  readonly rateLimits: number;
  readonly errors: number;
  readonly unknownProbes: number;
}

/** What the broker knows of a key's fitness. Its secret, slots and models are not part of it. */
export interface KeyState {
  readonly status: LifeStatus;
  /** The operator's switch; independent of the status. */
  readonly enabled: boolean;
  /** Draining: what runs may end, nothing new is leased. */
  readonly paused: boolean;
  readonly enableFailover: boolean;
  /** Where leases of this key go: the backup endpoint for `using_failover`, and for cooldowns that began there. */
  readonly endpoint: EndpointName;
  /** Raised on every counted failure, change of state, edit and change of endpoint; outcomes of older ones are void. */
  readonly generation: bigint;
  readonly cooldownUntilMs: number | undefined;
  /** From when on a key in `using_failover` probes the primary endpoint. */
  readonly primaryRetryAtMs: number | undefined;
  readonly probe: Probe | undefined;
  readonly inARow: InARow;
  /** Models that the upstream denies to this key, and until when that is believed. */
  readonly deniedModels: ReadonlyMap<string, number>;
  readonly lastError: string | undefined;
}

export const NOTHING_IN_A_ROW: InARow = { failures: 0, rateLimits: 0, errors: 0, unknownProbes: 0 };

/** A key that nothing is known of yet. */
export const NEW_KEY_STATE: KeyState = {
  status: 'healthy',
  enabled: true,
  paused: false,
  enableFailover: false,
  endpoint: 'primary',
  generation: 1n,
  cooldownUntilMs: undefined,
  primaryRetryAtMs: undefined,
  probe: undefined,
  inARow: NOTHING_IN_A_ROW,
  deniedModels: new Map(),
  lastError: undefined,
};
