import { setTimeout } from 'node:timers/promises';
import { connectMongo, createOwnership, runOwnedLoop, type Owned } from '../src/index.ts';

// A process that owns: tells what happens as JSON lines, and keeps a transaction open where it is told to.

const [url = '', database = '', holder = '', idList = '', mode = 'commit'] = process.argv.slice(2);
const say = (what: string, facts: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ what, atMs: Date.now(), ...facts })}\n`);
};

const pause = async (idleMs: number): Promise<void> => {
  await setTimeout(Math.min(idleMs, 20));
};

async function work(owned: Owned): Promise<void> {
  const { id, term } = owned;
  const commit = async (): Promise<void> => {
    await owned.transaction(async (session) => {
      await mongo.db.collection('commits').insertOne({ id, term }, { session });
    });
    say('committed', { id, term });
  };
  if (mode === 'hold') {
    await owned.transaction(async () => {
      say('holding', { id, term });
      // renewed all the while: only a kill or a stop ends it
      await runOwnedLoop(owned, pause);
    });
    return;
  }
  await runOwnedLoop(owned, async (idleMs) => {
    await commit();
    await pause(idleMs);
  });
}

const mongo = await connectMongo({ url, database, appName: holder });
// the other process may have made it
await mongo.db.createCollection('commits').catch(() => undefined);
const ownership = await createOwnership({
  mongo,
  ids: idList.split(','),
  holder,
  address: `${holder}:1`,
  work,
  onEvent: (event) => {
    const { type, ...facts } = event;
    say(type, { ...facts, ...('error' in event && { error: String(event.error) }) });
  },
});
process.once('SIGTERM', () => {
  void (async () => {
    await ownership[Symbol.asyncDispose]();
    await mongo[Symbol.asyncDispose]();
    say('gone');
  })();
});
say('up');
