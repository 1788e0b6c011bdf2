/** `proxy`: it cannot be reached, refuses us, speaks nonsense or is too slow; `target`: it said that it cannot reach the target. */
export type ProxyFault = 'proxy' | 'target';

/** Why there is no connection. Its message and its cause hold no credentials. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly fault: ProxyFault;

  constructor(fault: ProxyFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}
