/** A request in a provider's books. What they do not tell is undefined. */
export interface ProviderRow {
  /** The provider's. */
  readonly requestId: string;
  readonly model: string;
  readonly startedAtMs: number | undefined;
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number | undefined;
  readonly cacheWrite1h: number | undefined;
  readonly cacheRead: number | undefined;
}

export interface ProviderBooks {
  readonly rows: readonly ProviderRow[];
  /** Ids that are in the books, and are not compared. */
  readonly leftOut: readonly string[];
  /** Why some were left out. */
  readonly notes: readonly string[];
}

/** All of them are in memory: more than this are to be compared in parts, by time. */
export const MAX_ROWS = 2_000_000;
