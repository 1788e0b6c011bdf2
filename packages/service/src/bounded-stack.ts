const DEFAULT_TIMEOUT_MS = 5_000;

/**
 * An AsyncDisposableStack in which one resource that hangs does not keep the others from being put away: it gets its
 * time, fails with an error, and the next one follows.
 */
export class BoundedStack extends AsyncDisposableStack {
  readonly #timeoutMs: number;

  constructor(timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    super();
    this.#timeoutMs = timeoutMs;
  }

  override use<T extends AsyncDisposable | Disposable | null | undefined>(resource: T): T {
    if (resource === null || resource === undefined) return resource;
    this.defer(async () => {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    });
    return resource;
  }

  override adopt<T>(value: T, dispose: (value: T) => PromiseLike<void> | void): T {
    this.defer(async () => {
      await dispose(value);
    });
    return value;
  }

  override defer(dispose: () => PromiseLike<void> | void): void {
    super.defer(async () => {
      await within(this.#timeoutMs, dispose);
    });
  }
}

/** Rejects when the work takes longer; the work itself goes on. */
export async function within(timeoutMs: number, work: () => PromiseLike<void> | void): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`not done within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
