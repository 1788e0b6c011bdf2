import { quotaV1 } from '@omg/proto-gen';
import { DIMENSIONS, type Amounts, type Dimension } from '@omg/quota';
import { fromCount, toCount } from './numbers.ts';

const TO_WIRE: Readonly<Record<Dimension, quotaV1.Dimension>> = {
  requests: quotaV1.Dimension.REQUESTS,
  tokens: quotaV1.Dimension.TOKENS,
  slots: quotaV1.Dimension.SLOTS,
  nanoUsd: quotaV1.Dimension.NANO_USD,
};

const FROM_WIRE: Readonly<Record<quotaV1.Dimension, Dimension | undefined>> = {
  [quotaV1.Dimension.REQUESTS]: 'requests',
  [quotaV1.Dimension.TOKENS]: 'tokens',
  [quotaV1.Dimension.SLOTS]: 'slots',
  [quotaV1.Dimension.NANO_USD]: 'nanoUsd',
  [quotaV1.Dimension.UNSPECIFIED]: undefined,
  [quotaV1.Dimension.UNRECOGNIZED]: undefined,
};

export function fromDimension(dimension: Dimension | undefined): quotaV1.Dimension {
  return dimension === undefined ? quotaV1.Dimension.UNSPECIFIED : TO_WIRE[dimension];
}

/** Undefined: none is meant, or one that this side does not know. */
export function toDimension(dimension: quotaV1.Dimension): Dimension | undefined {
  return FROM_WIRE[dimension];
}

export function fromAmounts(amounts: Amounts): quotaV1.Amounts {
  const wire: { -readonly [D in Dimension]?: bigint } = {};
  for (const dimension of DIMENSIONS) {
    const amount = amounts[dimension];
    if (amount !== undefined) wire[dimension] = fromCount(amount);
  }
  return wire;
}

export function toAmounts(wire: quotaV1.Amounts | undefined): Amounts {
  const amounts: { -readonly [D in Dimension]?: number } = {};
  if (wire === undefined) return amounts;
  for (const dimension of DIMENSIONS) {
    const amount = wire[dimension];
    if (amount !== undefined) amounts[dimension] = toCount(amount);
  }
  return amounts;
}
