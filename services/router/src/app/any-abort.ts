/**
 * A signal that aborts with the first of others, or when it is told to. AbortSignal.any does so too, for signals that
 * nobody ever disposes of, and what that takes is a good part of what a request costs here.
 */
export class AnyAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];

  constructor(sources: readonly AbortSignal[]) {
    this.#sources = sources;
    for (const source of sources) source.addEventListener('abort', this.#follow, { once: true });
    this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (): void => {
    const source = this.#sources.find(({ aborted }) => aborted);
    if (source !== undefined) this.#controller.abort(source.reason);
  };
}
