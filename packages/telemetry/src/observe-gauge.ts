import type { Meter } from '@opentelemetry/api';

/** A number that is read whenever metrics are; undefined: not now. */
export function observeGauge(
  meter: Meter,
  name: string,
  description: string,
  read: () => number | undefined | Promise<number | undefined>,
): void {
  meter.createObservableGauge(name, { description }).addCallback(async (result) => {
    const value = await read();
    if (value !== undefined) result.observe(value);
  });
}
