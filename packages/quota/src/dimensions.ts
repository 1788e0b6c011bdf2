/** What a quota can limit. Money is whole nano-USD: a double is exact up to 9,007,199 USD, far above any account. */
export const DIMENSIONS = ['requests', 'tokens', 'slots', 'nanoUsd'] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** Quantities; one that is absent is not meant. */
export type Amounts = { readonly [D in Dimension]?: number | undefined };

export type Vector = Record<Dimension, number>;

interface Behaviour {
  /** Once used it counts for the length of the window; else what is not outstanding is free, or spent for good. */
  readonly windowed: boolean;
  /**
   * What becomes of a request's part: `used` at its admission or when it ends, `returned` when it ends, or kept as
   * `uncharged` when it ends, until its charge.
   */
  readonly fate: 'used_at_admission' | 'used_at_end' | 'returned' | 'charged';
  /** Recent use is what was admitted in 10 s, or the most that ran at once. */
  readonly demand: 'sum' | 'peak';
}

/** All that tells the dimensions apart; the protocol's code knows no dimension by name, except that `spent` is money. */
export const BEHAVIOURS: Readonly<Record<Dimension, Behaviour>> = {
  requests: { windowed: true, fate: 'used_at_admission', demand: 'sum' },
  tokens: { windowed: true, fate: 'used_at_end', demand: 'sum' },
  slots: { windowed: false, fate: 'returned', demand: 'peak' },
  nanoUsd: { windowed: false, fate: 'charged', demand: 'sum' },
};

export function vector(from: Amounts = {}): Vector {
  return {
    requests: from.requests ?? 0,
    tokens: from.tokens ?? 0,
    slots: from.slots ?? 0,
    nanoUsd: from.nanoUsd ?? 0,
  };
}

/** Without the zeros, as messages carry it. */
export function toAmounts(from: Readonly<Vector>): Amounts {
  const result: { -readonly [D in Dimension]?: number } = {};
  for (const dimension of DIMENSIONS) if (from[dimension] !== 0) result[dimension] = from[dimension];
  return result;
}

export function isZero(from: Readonly<Vector>): boolean {
  return from.requests === 0 && from.tokens === 0 && from.slots === 0 && from.nanoUsd === 0;
}
