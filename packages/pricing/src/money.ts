const NANO_PER_UNIT = 1_000_000_000n;

/** Billionths of what a decimal number such as `3.75` says, exactly; throws on more than nine decimals. */
export function parseNano(decimal: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(decimal);
  if (match === null)
    throw new RangeError(`${JSON.stringify(decimal)} is not a decimal number of at most nine decimals`);
  const [, sign, whole = '0', fraction = ''] = match;
  const nano = BigInt(whole) * NANO_PER_UNIT + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -nano : nano;
}

/** The quotient rounded to the nearest whole number, halves up; for amounts that are not negative. */
export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}
