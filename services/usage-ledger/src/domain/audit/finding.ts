/** What reconcile checks, in its order. */
export const CHECKS = [
  'balances',
  'revenue',
  'entries',
  'costs',
  'numbers',
  'budgets',
  'rollups',
  'outstanding',
  'dead-letters',
] as const;

export type CheckName = (typeof CHECKS)[number];

export interface Difference {
  /** As in `tenant acme`. */
  readonly subject: string;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Partitions that another process has to be asked for. */
export interface Elsewhere {
  /** Empty where nobody owns them. */
  readonly address: string;
  readonly partitions: readonly number[];
}

/** One thing that a check has to say. */
export type Finding = { readonly check: CheckName } & (
  | { readonly checked: number }
  /** How many cannot be checked any more, because logs are kept for a time. */
  | { readonly unknowable: number }
  | { readonly difference: Difference }
  | { readonly note: string }
  | { readonly elsewhere: Elsewhere }
);

const NANO = 1_000_000_000n;

/** `$0.046657475`, always with all nine decimals, so that two of them can be compared. */
export function usd(nanoUsd: bigint): string {
  const positive = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  return `${nanoUsd < 0n ? '-' : ''}$${positive / NANO}.${(positive % NANO).toString().padStart(9, '0')}`;
}
