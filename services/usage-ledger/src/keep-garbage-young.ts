import { setFlagsFromString } from 'node:v8';

/**
 * Once some of a large answer has outlived a young collection, V8 would have all that is made at the same places born old, and
 * what is dead at once pile up there: a year of hours then takes half as long again, whoever asks.
 */
export function keepGarbageYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
