import { headerValue } from '../headers/header-source.ts';
import type { HeaderSource } from '../headers/header-source.ts';

/** How long the upstream asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function readRetryAfterMs(headers: HeaderSource, nowMs: number): number | undefined {
  const milliseconds = decimal(headerValue(headers, 'retry-after-ms'));
  if (milliseconds !== undefined) return Math.ceil(milliseconds);
  const value = headerValue(headers, 'retry-after');
  const seconds = decimal(value);
  if (seconds !== undefined) return Math.ceil(seconds * 1000);
  const atMs = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function decimal(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\d{1,12}(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}
