const NANO = 1_000_000_000n;

/** All digits that there are: `0.046657475`; zeros at the end beyond `minDecimals` are left out. */
export function decimalUsd(nanoUsd: bigint, minDecimals = 2): string {
  const positive = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const decimals = (positive % NANO).toString().padStart(9, '0').replace(/0+$/, '').padEnd(minDecimals, '0');
  return `${nanoUsd < 0n ? '-' : ''}${positive / NANO}${decimals === '' ? '' : '.'}${decimals}`;
}
