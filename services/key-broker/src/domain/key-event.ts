import type { EndpointName, LifeStatus } from './key-state.ts';

/** What an attempt with a key came to. */
export type OutcomeCause =
  | 'success'
  | 'rate_limited'
  | 'ban'
  | 'quota'
  | 'auth'
  | 'model_denied'
  /** A 403 that is HTML or says nothing that is known. */
  | 'unattributed_403'
  | 'upstream_error'
  | 'connection'
  | 'timeout'
  /** Refused by the proxy, or failed on the way to it. */
  | 'proxy_error'
  | 'request_fault'
  /** Ended before it said anything: the client left. */
  | 'cancelled';

/** The first verdict of an attempt: its failure, or its first byte. */
export interface Outcome {
  readonly type: 'outcome';
  readonly cause: OutcomeCause;
  /** Of the lease that it was made with. */
  readonly generation: bigint;
  readonly endpoint: EndpointName;
  /** Set where something else was found guilty of it: the key is innocent then. */
  readonly attributedTo?: 'proxy' | 'provider';
  readonly retryAfterMs?: number;
  readonly model?: string;
  /** What the operator reads; no secret in it. */
  readonly message?: string;
}

interface ByOperator {
  readonly actor: string;
}

export type OperatorEvent = ByOperator &
  (
    | { readonly type: 'enable' }
    /** `abort`: running streams are cut too. */
    | { readonly type: 'disable'; readonly abort?: boolean }
    | { readonly type: 'pause' }
    | { readonly type: 'reset' }
    | { readonly type: 'rotate' }
    | { readonly type: 'restore' }
    | { readonly type: 'edit'; readonly enableFailover?: boolean }
  );

export type KeyEvent =
  | Outcome
  | OperatorEvent
  | { readonly type: 'probe_started' }
  /** Time has passed: ends a probe that told nothing. */
  | { readonly type: 'tick' }
  /** The failure of this generation was not the key's; it is void if nothing else has happened to the key since. */
  | { readonly type: 'release'; readonly generation: bigint; readonly cause: OutcomeCause }
  /** The rotation's transaction is committed. */
  | { readonly type: 'rotated'; readonly actor: string };

export interface HistoryEntry {
  readonly cause: OutcomeCause | Exclude<KeyEvent['type'], 'outcome'>;
  readonly from: LifeStatus;
  readonly to: LifeStatus;
  readonly generation: bigint;
  readonly actor: string;
  readonly atMs: number;
}

export type KeyEffect =
  /** Tell the holders: keep their leases under the new generation, give back what does not run, or cut all. */
  | { readonly type: 'push'; readonly leases: 'keep' | 'revoke' | 'abort' }
  | { readonly type: 'history'; readonly entry: HistoryEntry }
  /** A backup key is to take the place of this one, in the transaction that writes this state. */
  | { readonly type: 'rotate'; readonly cause: HistoryEntry['cause']; readonly actor: string }
  | { readonly type: 'alert'; readonly alert: 'no_backup_key' | 'key_exhausted' | 'key_rotated' }
  | { readonly type: 'refused'; readonly reason: 'no_backup_key' };
