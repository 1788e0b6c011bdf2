import type { GrpcClient } from '@omg/grpc';
import type { keyBrokerV1 } from '@omg/proto-gen';
import { CommandFailure } from '../failures.ts';
import type { Remote } from './remote.ts';

type KeyBroker = Remote<GrpcClient<keyBrokerV1.KeyBrokerService>>;

/** An owner that does not answer is no reason to wait: what is known without it is shown. */
const OWNER_DEADLINE_MS = 2_000;

/** All providers, each as the replica that owns its pool sees it: the others know no counts. */
export async function listProviders(broker: KeyBroker): Promise<readonly keyBrokerV1.Provider[]> {
  const { providers } = await broker.call(async (client, call) => await client.listProviders({}, call));
  const owners = new Set(
    providers.map(({ owner }) => owner).filter((owner) => owner !== '' && owner !== broker.address),
  );
  const seenBy = new Map(
    await Promise.all([...owners].map(async (owner) => [owner, await providersSeenBy(broker, owner)] as const)),
  );
  return providers.map(
    (provider) => seenBy.get(provider.owner)?.find(({ name }) => name === provider.name) ?? provider,
  );
}

async function providersSeenBy(broker: KeyBroker, owner: string): Promise<readonly keyBrokerV1.Provider[]> {
  try {
    const { providers } = await broker.callAt(
      owner,
      async (client, call) => await client.listProviders({}, { ...call, deadlineMs: OWNER_DEADLINE_MS }),
    );
    return providers;
  } catch (error) {
    if (error instanceof CommandFailure) return [];
    throw error;
  }
}
