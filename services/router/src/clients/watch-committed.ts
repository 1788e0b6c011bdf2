import type { GrpcClient } from '@omg/grpc';
import type { accountsV1, quotaV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';

export interface WatchCommittedOptions {
  readonly client: GrpcClient<accountsV1.AccountsService>;
  readonly epoch: string;
  /** Asked at each connect: what this process works off of others. */
  readonly adoptedEpochs: () => readonly string[];
  readonly onCommitted: (committed: quotaV1.Committed) => void;
  readonly onConnected: (connected: boolean, error?: unknown) => void;
  readonly signal: AbortSignal;
}

const RECONNECT_MS = 250;

/** Hears from usage-ledger what is in the books, for as long as the process runs. */
export async function watchCommitted(options: WatchCommittedOptions): Promise<void> {
  const { client, epoch, signal } = options;
  while (!signal.aborted) {
    try {
      const call = client.hold(signal);
      call.send({ message: { $case: 'hello', value: { epoch, adoptedEpochs: options.adoptedEpochs() } } });
      for await (const { message } of call.responses) {
        if (message?.$case === 'welcome') options.onConnected(true);
        if (message?.$case === 'committed') options.onCommitted(message.value);
      }
      options.onConnected(false);
    } catch (error) {
      if (!signal.aborted) options.onConnected(false, error);
    }
    await pause(RECONNECT_MS, signal);
  }
}
