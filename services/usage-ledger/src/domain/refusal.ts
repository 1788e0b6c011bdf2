/** Requests that a router refused alike in a minute, and never forwarded. */
export interface RefusalCount {
  readonly minute: Date;
  /** Undefined where it is not known who asked. */
  readonly tenantId?: string | undefined;
  readonly clientKeyId?: string | undefined;
  readonly site: string;
  readonly dialect: 'openai' | 'anthropic';
  /** The cause, as the router names it. */
  readonly kind: string;
  /** What the client saw. */
  readonly status: number;
  readonly count: bigint;
  /** Of several accounts and minutes, which a router had no room to count apart; `minute` is the first one. */
  readonly merged: boolean;
}

/** What a router tells at once. Its batches are numbered; one that comes again has a number that was there already. */
export interface RefusalBatch {
  readonly epoch: string;
  readonly number: bigint;
  readonly counts: readonly RefusalCount[];
}
