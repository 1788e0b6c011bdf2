import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import type { Binary, ClientSession } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMongo, type Mongo } from '../src/index.ts';
import { OwnerStore } from '../src/ownership/owner-store.ts';

const stack = new AsyncDisposableStack();
let mongo: Mongo;
beforeAll(async () => {
  mongo = stack.use(
    await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('fence'), appName: 'fence-test' }),
  );
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  await Promise.all(['written', 'fences', 'owners'].map(async (name) => await mongo.db.createCollection(name)));
});
afterAll(async () => {
  await stack.disposeAsync();
});

const storeOf = (holder: string, id: string): OwnerStore =>
  new OwnerStore({ db: mongo.db, ids: [id], holder, address: `${holder}:1`, owners: 'owners', fences: 'fences' });

/** A transaction in the hands of the test. */
function begin(own: AsyncDisposableStack): ClientSession {
  const session = own.use(mongo.db.client.startSession());
  session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
  return session;
}

function lsidOf(session: ClientSession): Binary {
  if (session.id === undefined) throw new Error('no id');
  return session.id.id;
}

const written = async (id: string): Promise<number> =>
  await mongo.db.collection<{ of: string }>('written').countDocuments({ of: id });
const write = async (id: string, session: ClientSession): Promise<void> => {
  await mongo.db.collection('written').insertOne({ of: id }, { session });
};

test('a transaction that read before the takeover and changes the fence after it fails, though it still sees its own term', async () => {
  const id = 'read-before';
  const [a, b] = [storeOf('a', id), storeOf('b', id)];
  await a.writeFence(id, 1);
  await using own = new AsyncDisposableStack();
  const session = begin(own);
  await mongo.db.collection('written').findOne({ of: id }, { session });
  await b.writeFence(id, 2);
  await expect(a.changeFence({ id, term: 1, set: undefined }, session)).rejects.toMatchObject({
    codeName: 'WriteConflict',
  });
});

test('a transaction that begins after the takeover does not find its term', async () => {
  const id = 'begun-after';
  const [a, b] = [storeOf('a', id), storeOf('b', id)];
  await a.writeFence(id, 1);
  await b.writeFence(id, 2);
  await using own = new AsyncDisposableStack();
  expect(await a.changeFence({ id, term: 1, set: undefined }, begin(own))).toBe(false);
  expect(await a.writeFence(id, 1)).toEqual({ above: 2 });
  expect(await storeOf('c', id).writeFence(id, 2)).toEqual({ above: 2 });
  expect(await b.writeFence(id, 2)).toMatchObject({ fence: { term: 2 } });
});

test('while a transaction that has changed the fence is open, no term is written: either it commits first, or its session is ended and it fails', async () => {
  const id = 'open';
  const [a, b] = [storeOf('a', id), storeOf('b', id)];
  await a.writeFence(id, 1);
  await using own = new AsyncDisposableStack();
  const first = begin(own);
  expect(await a.changeFence({ id, term: 1, set: { position: 'first' } }, first)).toBe(true);
  await write(id, first);
  await expect(b.writeFence(id, 2)).rejects.toMatchObject({ codeName: 'MaxTimeMSExpired' });
  await first.commitTransaction();
  const second = begin(own);
  expect(await a.changeFence({ id, term: 1, set: { position: 'second' } }, second)).toBe(true);
  await write(id, second);
  await b.endSessions([lsidOf(second)]);
  expect(await b.writeFence(id, 2)).toMatchObject({ fence: { term: 2, position: 'first' } });
  await expect(second.commitTransaction()).rejects.toMatchObject({ codeName: 'NoSuchTransaction' });
  expect(await written(id)).toBe(1);
});

test('a claim is won once for the term that was seen, gives the sessions of all before, and holds until it is released', async () => {
  const id = 'claimed';
  const [a, b] = [storeOf('a', id), storeOf('b', id)];
  await using own = new AsyncDisposableStack();
  const [one, two, three] = [begin(own), begin(own), begin(own)].map(lsidOf);
  if (one === undefined || two === undefined || three === undefined) throw new Error('three sessions');
  await a.look(false);
  expect(await a.claim({ id, seenTerm: 0, term: 1, lsid: one })).toEqual([]);
  // the answer was lost: the same holder may again, but not with what it saw before
  expect(await a.claim({ id, seenTerm: 0, term: 1, lsid: two })).toBeUndefined();
  expect(await a.claim({ id, seenTerm: 1, term: 2, lsid: two })).toEqual([one]);
  expect(await b.claim({ id, seenTerm: 2, term: 3, lsid: three })).toBeUndefined();
  expect(await a.renew(id, 1, undefined)).toBe(false);
  expect(await b.renew(id, 2, undefined)).toBe(false);
  expect(await a.renew(id, 2, undefined)).toBe(true);
  await b.release(id, 2);
  await a.release(id, 1);
  expect((await b.look(false)).owners).toEqual([{ id, holder: 'a', address: 'a:1', term: 2, isOver: false }]);
  await a.release(id, 2);
  expect(await b.claim({ id, seenTerm: 2, term: 3, lsid: three })).toEqual([one, two]);
  // from the first renewal in office on, only its own session needs to be ended by who comes next
  expect(await b.renew(id, 3, three)).toBe(true);
  expect(await a.claim({ id, seenTerm: 3, term: 4, lsid: one })).toBeUndefined();
  expect(await storeOf('b', id).claim({ id, seenTerm: 3, term: 4, lsid: one })).toEqual([three]);
});

test('who beats is a member, who resigns is none, and the first to come is the first in the list', async () => {
  const id = 'members';
  const [a, b] = [storeOf('member-b', id), storeOf('member-a', id)];
  await a.look(true);
  await b.look(true);
  expect((await a.look(true)).members).toEqual(['member-b', 'member-a']);
  await a.resign();
  expect((await b.look(false)).members).toEqual(['member-a']);
});
