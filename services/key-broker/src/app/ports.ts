import type { UpstreamKey } from '../domain/upstream-key.ts';

/** Where the keys of all providers are kept. */
export interface KeyStore {
  list: (provider: string) => Promise<readonly UpstreamKey[]>;
  /** Makes the keys that came from the environment exactly these, and leaves all others alone. */
  syncEnvironmentKeys: (provider: string, secrets: readonly string[]) => Promise<void>;
}

export interface Clock {
  nowMs: () => number;
}
