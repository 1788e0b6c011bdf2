import type { UpstreamFault } from '@omg/llm-wire';

const REMEMBER_MS = 10 * 60_000;
const MOST = 1_000;

/**
 * Which upstreams do not take the wish for a stream's usage, as far as they have said so: they are not asked for it for
 * a while, and what they deliver is counted.
 */
export class UsageOption {
  readonly #monotonicMs: () => number;
  /** The longest known first. */
  readonly #rejectedAtMs = new Map<string, number>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  mayAsk(url: string, model: string): boolean {
    const atMs = this.#rejectedAtMs.get(keyOf(url, model));
    return atMs === undefined || this.#monotonicMs() - atMs >= REMEMBER_MS;
  }

  /** Notes it where this is what the upstream's refusal is about. */
  noteRejection(url: string, model: string, { cause, error }: UpstreamFault): boolean {
    if (cause !== 'request_fault' || !/stream_options|include_usage/.test(`${error.param} ${error.message}`))
      return false;
    const key = keyOf(url, model);
    this.#rejectedAtMs.delete(key);
    const [oldest] = this.#rejectedAtMs.keys();
    if (oldest !== undefined && this.#rejectedAtMs.size >= MOST) this.#rejectedAtMs.delete(oldest);
    this.#rejectedAtMs.set(key, this.#monotonicMs());
    return true;
  }
}

function keyOf(url: string, model: string): string {
  return `${model} ${url}`;
}
