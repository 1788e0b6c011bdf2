import { vi } from 'vitest';

/** A condition that holds is seen at once; one that never does fails all the same, also where much else runs. */
const TIMEOUT_MS = 8_000;
const INTERVAL_MS = 20;

const { waitFor } = vi;

// a second, as vitest has it, is too short for servers on a busy machine, and no option of its configuration
vi.waitFor = async (condition, options) => {
  const given = typeof options === 'number' ? { timeout: options } : options;
  return await waitFor(condition, { timeout: TIMEOUT_MS, interval: INTERVAL_MS, ...given });
};
