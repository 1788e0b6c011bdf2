import { connectMongo, type Mongo } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadChargedYear } from './bench/rollups/approve-loader.ts';
import { QUESTIONS } from './bench/rollups/questions.ts';
import { serveUsage, type ServedUsage } from './bench/rollups/serve-usage.ts';

const signal = new AbortController().signal;

const stack = new AsyncDisposableStack();
let mongo: Mongo;
let served: ServedUsage;
beforeAll(async () => {
  const database = freshDatabaseName('dashboards');
  mongo = stack.use(await connectMongo({ url: testMongoUrl(), database, appName: 'test' }));
  stack.defer(async () => {
    await mongo.db.dropDatabase();
  });
  await loadChargedYear(mongo, { perDay: 1, onProgress: () => undefined, signal });
  served = stack.use(await serveUsage(mongo));
}, 60_000);
afterAll(async () => {
  await stack.disposeAsync();
});

interface Read {
  readonly collection: string;
  readonly plan: string;
}

/** What the server does in this database while somebody asks, by its own profiler. */
async function readsOf(ask: () => Promise<unknown>): Promise<readonly Read[]> {
  const { db } = mongo;
  await db.command({ profile: 2 });
  try {
    await ask();
  } finally {
    await db.command({ profile: 0 });
  }
  const operations = await db.collection('system.profile').find<Document>({}).toArray();
  await db.collection('system.profile').drop();
  return operations
    .filter(({ op }) => op === 'query' || op === 'getmore' || op === 'command')
    .map(({ ns, planSummary = '' }) => ({
      collection: String(ns).replace(`${db.databaseName}.`, ''),
      plan: String(planSummary),
    }))
    .filter(({ collection }) => collection !== '$cmd');
}

test.each(QUESTIONS)('$name: read from rollups by an index, and from nothing else', async ({ ask }) => {
  const reads = await readsOf(async () => {
    expect(await ask(served.usage, new AbortController().signal)).toBeGreaterThan(0);
  });
  expect(reads.length).toBeGreaterThan(0);
  for (const { collection, plan } of reads) {
    expect(['rollups', 'rollup_timings']).toContain(collection);
    expect(plan).toMatch(/^IXSCAN /);
  }
});

test('a question for logs is seen to read them', async () => {
  const reads = await readsOf(
    async () => await served.usage.listLogs({ pageSize: 5, pageToken: '', filter: undefined, tenantId: '' }),
  );
  expect(reads.map(({ collection }) => collection)).toContain('request_logs');
});
