import { z } from 'zod';

const delayMs = z.number().nonnegative();

/** How the proxy behaves. Fields that are not named take their defaults, so `{}` heals everything. */
export const proxyStateSchema = z.strictObject({
  /**
   * `dead`: no listener, all connections closed; `refuse`: answers with an error; `stall`: accepts and never answers.
   */
  mode: z.enum(['up', 'dead', 'refuse', 'stall']).default('up'),
  /** What `refuse` answers to CONNECT and forwarded requests, and to SOCKS5. */
  httpStatus: z.int().min(400).max(599).default(502),
  socksReply: z.int().min(1).max(255).default(1),
  /** Holds every byte of tunnels, the running ones too, until the next change of state. */
  stallTunnels: z.boolean().default(false),
  /** Waits before a connection is answered, and before each piece of data is passed on. */
  connectDelayMs: delayMs.default(0),
  chunkDelayMs: delayMs.default(0),
  /** Heals by itself after that time. */
  forMs: z.number().positive().optional(),
});

export type ProxyState = z.output<typeof proxyStateSchema>;
export type ProxyStateInput = z.input<typeof proxyStateSchema>;

/** The state now, and a way to wait until bytes may pass. */
export class ProxyControl {
  #state: ProxyState = proxyStateSchema.parse({});
  readonly #waiting = new Set<() => void>();

  get state(): ProxyState {
    return this.#state;
  }

  change(state: ProxyState): void {
    this.#state = state;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  get flows(): boolean {
    return !this.#state.stallTunnels && this.#state.chunkDelayMs === 0;
  }

  async untilFlowing(): Promise<void> {
    const { chunkDelayMs } = this.#state;
    if (chunkDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, chunkDelayMs));
    while (this.#state.stallTunnels) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }
}
