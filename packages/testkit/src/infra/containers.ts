import { connectToMongo, connectToNats, type Server } from '@omg/embedded';
import { MongoDBContainer } from '@testcontainers/mongodb';
import { NatsContainer } from '@testcontainers/nats';
import { MongoClient } from 'mongodb';
import type { StartedTestContainer } from 'testcontainers';

const MONGO_IMAGE = 'mongo:8';
const NATS_IMAGE = 'nats:2.15';

export async function startMongoContainer(signal: AbortSignal): Promise<Server> {
  const container = await new MongoDBContainer(MONGO_IMAGE).start();
  // the set's only member goes by a name that is known inside the container alone: clients must not follow it
  const url = `mongodb://${container.getHost()}:${container.getMappedPort(27_017)}/?directConnection=true`;
  return await inContainer(container, MONGO_IMAGE, async () => {
    await shortenTransactions(url);
    return await connectToMongo(url, signal);
  });
}

export async function startNatsContainer(signal: AbortSignal): Promise<Server> {
  const container = await new NatsContainer(NATS_IMAGE).withJetStream().start();
  const { servers, user = '', pass = '' } = container.getConnectionOptions();
  return await inContainer(
    container,
    NATS_IMAGE,
    async () => await connectToNats(`nats://${user}:${pass}@${String(servers)}`, signal),
  );
}

async function inContainer(
  container: StartedTestContainer,
  image: string,
  look: () => Promise<Server>,
): Promise<Server> {
  try {
    const { url, description } = await look();
    return {
      url,
      description: `${description} in a container of ${image} (${container.getId().slice(0, 12)})`,
      async [Symbol.asyncDispose]() {
        await container.stop();
      },
    };
  } catch (error) {
    await container.stop();
    throw error;
  }
}

/** As @omg/embedded starts it. */
async function shortenTransactions(url: string): Promise<void> {
  await using client = new MongoClient(url);
  await client.db('admin').command({ setParameter: 1, transactionLifetimeLimitSeconds: 5 });
}
