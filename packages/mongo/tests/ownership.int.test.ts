import { setTimeout as sleep } from 'node:timers/promises';
import { OmgError, toOmgError } from '@omg/errors';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import { afterAll, expect, test, vi } from 'vitest';
import {
  connectMongo,
  createOwnership,
  runOwnedLoop,
  type Instant,
  type Mongo,
  type Owned,
  type Ownership,
  type OwnershipEvent,
} from '../src/index.ts';

const EIGHT = Array.from({ length: 8 }, (_, at) => `partition/${at}`);
const stack = new AsyncDisposableStack();
afterAll(async () => {
  await stack.disposeAsync();
});

interface Actor {
  readonly mongo: Mongo;
  readonly ownership: Ownership;
  readonly events: readonly (OwnershipEvent & { readonly atMs: number })[];
  readonly owned: () => readonly string[];
}

interface Part {
  readonly holder: string;
  readonly ids?: readonly string[];
  readonly work?: (owned: Owned) => Promise<void>;
  readonly clock?: () => Instant;
}

const idle = async (owned: Owned): Promise<void> => {
  await runOwnedLoop(owned, async (idleMs) => {
    await sleep(Math.min(idleMs, 20));
  });
};

/** A database and how to take part in it. */
async function place(): Promise<{ readonly mongo: Mongo; readonly join: (part: Part) => Promise<Actor> }> {
  const options = { url: testMongoUrl(), database: freshDatabaseName('ownership'), appName: 'ownership-test' };
  const mongo = stack.use(await connectMongo(options));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  await mongo.db.createCollection('written');
  return {
    mongo,
    async join({ holder, ids = ['p'], work = idle, clock }) {
      const own = stack.use(await connectMongo(options));
      const events: (OwnershipEvent & { readonly atMs: number })[] = [];
      const onEvent = (event: OwnershipEvent): void => void events.push({ ...event, atMs: performance.now() });
      const given = clock === undefined ? {} : { clock };
      const ownership = stack.use(
        await createOwnership({ mongo: own, ids, holder, address: `${holder}:1`, work, onEvent, ...given }),
      );
      return { mongo: own, ownership, events, owned: () => ids.filter((id) => ownership.owned(id) !== undefined) };
    },
  };
}

const until = async (holds: () => void | Promise<void>, timeout = 9_000): Promise<void> => {
  await vi.waitFor(holds, { timeout, interval: 20 });
};
const owner = async (actor: Actor, id = 'p'): Promise<Owned> => {
  await until(() => {
    expect(actor.ownership.owned(id)).toBeDefined();
  });
  const owned = actor.ownership.owned(id);
  if (owned === undefined) throw new Error('not any more');
  return owned;
};
const write = async (owned: Owned, mongo: Mongo, text: string): Promise<void> => {
  await owned.transaction(
    async (session) => {
      await mongo.db.collection('written').insertOne({ text }, { session });
    },
    { position: text },
  );
};
const written = async ({ db }: Mongo): Promise<readonly string[]> =>
  (await db.collection<{ text: string }>('written').find().sort({ _id: 1 }).toArray()).map(({ text }) => text);
const readClocks = (): Instant => ({ monotonicMs: performance.now(), wallMs: Date.now() });

test.concurrent('an owner that stood still after its read finds that its commit fails, and its next transaction too', async () => {
  const { mongo, join } = await place();
  const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
  const late = Promise.withResolvers<readonly string[]>();
  let standsStillAt: Instant | undefined;
  const paused = await join({
    holder: 'a',
    // its clocks stand still with it, so that nothing but the fence stops it
    clock: () => standsStillAt ?? readClocks(),
    work: async (owned) => {
      await write(owned, paused.mongo, 'before');
      const stood = owned.transaction(async (session) => {
        await paused.mongo.db.collection('written').findOne({}, { session });
        standsStillAt = readClocks();
        await resumed;
        await paused.mongo.db.collection('written').insertOne({ text: 'stale' }, { session });
      });
      const next = write(owned, paused.mongo, 'stale too');
      late.resolve(
        (await Promise.allSettled([stood, next])).map((one) =>
          one.status === 'rejected' ? toOmgError(one.reason).code : one.status,
        ),
      );
    },
  });
  await until(() => {
    expect(standsStillAt).toBeDefined();
  });
  const successor = await join({ holder: 'b' });
  const owned = await owner(successor);
  expect(owned.fence).toMatchObject({ term: owned.term, position: 'before' });
  await write(owned, successor.mongo, 'after');
  expect(paused.ownership.owned('p')).toBeDefined();
  resume();
  expect(await late.promise).toEqual(['not_owner', 'not_owner']);
  expect(await written(mongo)).toEqual(['before', 'after']);
  expect(paused.events.map(({ type }) => type)).toContain('lost');
});

test.concurrent('two share eight 4 : 4, a third gets its part, one leaves and the others have 4 : 4 again; nothing is without an owner for long', async () => {
  const { join } = await place();
  const [a, b] = await Promise.all([join({ holder: 'a', ids: EIGHT }), join({ holder: 'b', ids: EIGHT })]);
  const shares = (...actors: readonly Actor[]) => actors.map((actor) => actor.owned().length);
  await until(() => {
    expect(shares(a, b)).toEqual([4, 4]);
  });
  const c = await join({ holder: 'c', ids: EIGHT });
  await until(() => {
    expect(shares(a, b, c).toSorted((one, other) => one - other)).toEqual([2, 3, 3]);
  });
  const leftMs = performance.now();
  await a.ownership[Symbol.asyncDispose]();
  await until(() => {
    expect(shares(b, c)).toEqual([4, 4]);
  });
  const took = performance.now() - leftMs;
  process.stdout.write(`graceful leave: all eight owned again after ${Math.round(took)} ms\n`);
  expect(took).toBeLessThan(2_000);
  const events = [a, b, c].flatMap((actor) => actor.events).toSorted((one, other) => one.atMs - other.atMs);
  expect(events.filter(({ type }) => type !== 'won' && type !== 'handed_over')).toEqual([]);
  // everybody knows who owns what
  await until(() => {
    for (const id of EIGHT) {
      expect(b.ownership.ownerOf(id)).toEqual(c.ownership.ownerOf(id));
      expect(b.ownership.ownerOf(id)?.address).toMatch(/^[bc]:1$/);
    }
  });
  const [foreign = ''] = c.owned();
  expect(b.ownership.notOwner(foreign)).toMatchObject({ code: 'not_owner', details: { id: foreign, address: 'c:1' } });
});

test.concurrent("an owner whose wall clock is hours off from mongod's keeps what it has for longer than a lease", async () => {
  const { join } = await place();
  const off = (ms: number) => (): Instant => ({ monotonicMs: performance.now(), wallMs: Date.now() + ms });
  const ahead = await join({ holder: 'a', ids: ['p', 'q'], clock: off(5 * 3_600_000) });
  const behind = await join({ holder: 'b', ids: ['p', 'q'], clock: off(-5 * 3_600_000) });
  await until(() => {
    expect([ahead.owned().length, behind.owned().length]).toEqual([1, 1]);
  });
  const before = [...ahead.events, ...behind.events].length;
  await sleep(5_500);
  expect([...ahead.events, ...behind.events]).toHaveLength(before);
  expect([ahead.owned().length, behind.owned().length]).toEqual([1, 1]);
});

test.concurrent('an owner whose wall clock says that its lease is over stops at once, though the other clock does not', async () => {
  const { join } = await place();
  let jumpedMs = 0;
  const actor = await join({ holder: 'a', clock: () => ({ ...readClocks(), wallMs: Date.now() + jumpedMs }) });
  const owned = await owner(actor);
  jumpedMs = 4_000;
  expect(owned.isMine()).toBe(false);
  await expect(owned.transaction(async () => await Promise.resolve())).rejects.toMatchObject({ code: 'not_owner' });
  // and takes it again, in a new term
  await until(() => {
    expect(actor.ownership.owned('p')?.term).toBe(owned.term + 1);
  });
});

test.concurrent('a claim whose answer was lost is claimed again at once, above its term', async () => {
  const { mongo, join } = await place();
  const lsids: never[] = [];
  const until5s = new Date(Date.now() + 5_000);
  await mongo.db
    .collection<{ _id: string; [field: string]: unknown }>('owners')
    .insertOne({ _id: 'p', holder: 'a', address: 'a:1', term: 7, lsids, until: until5s });
  const startedMs = performance.now();
  const owned = await owner(await join({ holder: 'a' }));
  expect(owned.term).toBe(8);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test.concurrent('where the fence has a higher term than the owners, the next owner goes above it', async () => {
  const { mongo, join } = await place();
  await mongo.db
    .collection<{ _id: string; [field: string]: unknown }>('fences')
    .insertOne({ _id: 'p', term: 41, holder: 'of old', seq: 9n, position: 'kept' });
  const owned = await owner(await join({ holder: 'a' }));
  expect(owned).toMatchObject({ term: 42, fence: { term: 42, position: 'kept' } });
});

test.concurrent('a loop that is stuck loses what it has to another process, and its process lives on', async () => {
  const { join } = await place();
  const { promise: freed, resolve: free } = Promise.withResolvers<void>();
  const stuck = await join({
    holder: 'a',
    work: async () => {
      await freed;
    },
  });
  const owned = await owner(stuck);
  const startedMs = performance.now();
  const other = await join({ holder: 'b' });
  const next = await owner(other);
  expect(performance.now() - startedMs).toBeLessThan(6_000);
  expect(owned.isMine()).toBe(false);
  expect(next.term).toBe(owned.term + 1);
  expect(stuck.events.map(({ type }) => type)).toEqual(['won', 'lost']);
  free();
});

test.concurrent('work that fails is told, its id is released at once, and taken again after a pause', async () => {
  const { join } = await place();
  let times = 0;
  const actor = await join({
    holder: 'a',
    work: async (owned) => {
      times += 1;
      if (times === 1) throw new OmgError('unavailable', 'no news');
      await idle(owned);
    },
  });
  await until(() => {
    expect(actor.events.map(({ type }) => type)).toEqual(['won', 'work_failed', 'handed_over', 'won']);
  });
  const [, failed, , again] = actor.events;
  expect(failed).toMatchObject({ error: { message: 'no news' } });
  expect((again?.atMs ?? 0) - (failed?.atMs ?? 0)).toBeGreaterThan(900);
});

test.concurrent('transactions of one owner come one after the other, and a hand-over waits for the one under way', async () => {
  const { mongo, join } = await place();
  const actor = await join({ holder: 'a' });
  const owned = await owner(actor);
  const many = Array.from({ length: 10 }, async (_, at) => {
    await write(owned, actor.mongo, String(at));
  });
  await actor.ownership[Symbol.asyncDispose]();
  await Promise.all(many);
  expect(await written(mongo)).toEqual(Array.from({ length: 10 }, (_, at) => String(at)));
  await expect(write(owned, actor.mongo, 'late')).rejects.toMatchObject({ code: 'not_owner' });
});
