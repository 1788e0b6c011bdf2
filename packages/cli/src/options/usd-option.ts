import type { Arguments } from '../args/arguments.ts';
import { UsageError } from '../failures.ts';

const NANO = 1_000_000_000n;

/** Nano-USD of what is written as USD with at most nine decimals. */
export function parseUsd(text: string): bigint | undefined {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const nano = BigInt(whole) * NANO + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -nano : nano;
}

export function readUsd<Option extends string>(args: Arguments<Option>, name: Option): bigint | undefined {
  const text = args.string(name);
  if (text === undefined) return undefined;
  const nano = parseUsd(text);
  if (nano === undefined) throw new UsageError(`--${name} must be USD such as 12.50, not "${text}"`);
  return nano;
}

export function readNeededUsd<Option extends string>(args: Arguments<Option>, name: Option): bigint {
  const nano = readUsd(args, name);
  if (nano === undefined) throw new UsageError(`--${name} AMOUNT is needed`);
  return nano;
}
