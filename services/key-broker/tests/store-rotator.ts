import { readSync } from 'node:fs';
import { connectMongo } from '@omg/mongo';
import { NEW_KEY_STATE } from '../src/domain/key-state.ts';
import { MongoPoolStore } from '../src/store/mongo-pool-store.ts';
import { box, NOW, PROVIDERS, takePool } from './store-own.ts';

// A process that owns a pool and rotates its key `old`. It stands still before the command that it was told (as
// `insert ohmygpt_keys`) until somebody writes it a line, and tells what happens as JSON lines.

const [url = '', database = '', point = ''] = process.argv.slice(2);
const say = (what: string, facts: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ what, ...facts })}\n`);
};

const mongo = await connectMongo({ url, database, appName: 'rotator' });
const { owned } = await takePool(mongo, 'ohmygpt');
const store = new MongoPoolStore({
  mongo,
  provider: 'ohmygpt',
  providers: PROVIDERS,
  box,
  onFaulty: () => undefined,
}).forOwner(owned);
let stands = true;
mongo.db.client.on('commandStarted', ({ commandName, command }) => {
  if (!stands || `${commandName} ${String(command[commandName])}` !== point) return;
  stands = false;
  say('stands');
  // nothing in this process goes on meanwhile: no renewal, no timer
  readSync(0, Buffer.alloc(1));
});
try {
  const order = { oldId: 'old', cause: 'auth', actor: 'rotator', nowMs: NOW, state: NEW_KEY_STATE } as const;
  const rotated = await store.rotate(order);
  say('rotated', { to: rotated?.successor.id });
} catch (error) {
  say('failed', { code: error instanceof Error && 'code' in error ? error.code : String(error) });
}
process.exit();
