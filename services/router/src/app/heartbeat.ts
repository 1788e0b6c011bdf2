export interface HeartbeatOptions {
  readonly everyMs: number;
  readonly beat: () => void;
}

/**
 * Beats while its stream waits for the upstream, each time that it has waited so long: never between two writes that
 * belong together.
 */
export class Heartbeat implements Disposable {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** All that came has been passed on. */
  wait(): void {
    this.#waiting = true;
    // one timer for all waits: most are over long before it
    if (this.#timer === undefined) this.#start();
    else this.#timer.refresh();
  }

  /** Something has come, or nothing will any more. */
  pause(): void {
    this.#waiting = false;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#waiting) return;
      this.#options.beat();
      this.#start();
    }, this.#options.everyMs);
  }
}
