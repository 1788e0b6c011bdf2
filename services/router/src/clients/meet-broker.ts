import type { GrpcClient } from '@omg/grpc';
import type { keyBrokerV1 } from '@omg/proto-gen';
import { pause } from '@omg/service';

export interface MeetBrokerOptions {
  readonly client: GrpcClient<keyBrokerV1.KeyBrokerService>;
  readonly provider: string;
  /** True, or what stands in the way. */
  readonly onMet: (result: true | string) => void;
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;

/** Asks key-broker until it has answered once that it has a pool for the provider. */
export async function meetBroker({ client, provider, onMet, signal }: MeetBrokerOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      const { providers } = await client.listProviders({}, { signal });
      if (providers.some(({ name }) => name === provider)) {
        onMet(true);
        return;
      }
      onMet(`key-broker has no provider ${provider}`);
    } catch (error) {
      if (!signal.aborted) onMet(error instanceof Error ? error.message : String(error));
    }
    await pause(RETRY_MS, signal);
  }
}
