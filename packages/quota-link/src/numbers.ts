const UINT32_MAX = 0xffff_ffff;

/** Counts are doubles in the core and 64 bits on the wire; what has no limit is the highest number that both can tell. */
export function toCount(value: bigint): number {
  return Number(value);
}

export function fromCount(value: number): bigint {
  return BigInt(Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.floor(value))));
}

/** Whole milliseconds; the caller knows to which side they may be off. */
export function fromMs(value: number, round: (value: number) => number): number {
  return Math.max(0, Math.min(UINT32_MAX, round(value)));
}
