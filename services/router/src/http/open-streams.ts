import type { ServerResponse } from 'node:http';
import type { CheckResult } from '@omg/service';

/** How many requests are being answered: streams that run, and answers that are waited for. */
export class OpenStreams {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts an answer until its connection lets go of it. */
  track(response: ServerResponse): void {
    this.#count += 1;
    response.once('close', () => {
      this.#count -= 1;
    });
  }

  /** For readiness: those that run go on, and others are better sent elsewhere. */
  within(limit: number): CheckResult {
    return this.#count <= limit ? true : `more than ${limit} streams are open`;
  }
}
