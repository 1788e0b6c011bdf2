import type { GrpcClient } from '@omg/grpc';
import type { accountsV1, quotaV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';

export interface LedgerHoldOptions {
  readonly client: Pick<GrpcClient<accountsV1.AccountsService>, 'hold'>;
  readonly epoch: string;
  /** Asked at each hello: what this process works off of others. */
  readonly adoptedEpochs: () => readonly string[];
  readonly onCommitted: (committed: quotaV1.Committed) => void;
  /** A tenant's id, `prices`, or `*` for all. */
  readonly onChanged: (what: string) => void;
  readonly onConnected: (connected: boolean, error?: unknown) => void;
}

const RECONNECT_MS = 250;

/** The router's stream to usage-ledger, kept up for as long as the process runs: what is in the books comes over it. */
export class LedgerHold implements AsyncDisposable {
  readonly #options: LedgerHoldOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #stream = new AbortController();

  constructor(options: LedgerHoldOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Says hello anew, with the epochs that were adopted since. */
  renew(): void {
    this.#stream.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { onConnected } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#stream = new AbortController();
      try {
        await this.#hold(AbortSignal.any([this.#stream.signal, signal]));
        onConnected(false);
      } catch (error) {
        if (!signal.aborted && !this.#stream.signal.aborted) onConnected(false, error);
      }
      if (!this.#stream.signal.aborted) await pause(RECONNECT_MS, signal);
    }
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const { client, epoch, adoptedEpochs, onCommitted, onChanged, onConnected } = this.#options;
    const call = client.hold(signal);
    call.send({ message: { $case: 'open', value: { epoch, adoptedEpochs: adoptedEpochs() } } });
    for await (const { message } of call.responses) {
      if (message?.$case === 'welcome') onConnected(true);
      if (message?.$case === 'committed') onCommitted(message.value);
      if (message?.$case === 'changed') onChanged(message.value.id);
    }
  }
}
