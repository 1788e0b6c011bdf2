export interface LocateOptions {
  /** PATH, HOME, XDG_CACHE_HOME and OMG_CACHE_DIR decide where is looked; pip and apt-get get the whole of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Told in whole sentences what takes time or changes the machine. */
  readonly onProgress?: (line: string) => void;
}
