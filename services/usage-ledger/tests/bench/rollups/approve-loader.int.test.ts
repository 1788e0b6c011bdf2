import { connectMongo, type Mongo } from '@omg/mongo';
import { freshDatabaseName, testMongoUrl } from '@omg/testkit';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadChargedYear, objectionsTo, reconcileYear, type Approval } from './approve-loader.ts';
import { DAYS_OF_YEAR } from './synthetic-year.ts';

const PER_DAY = 1;
const TIMEOUT_MS = 120_000;
const signal = new AbortController().signal;

let mongo: Mongo;
let approval: Approval;
beforeAll(async () => {
  mongo = await connectMongo({ url: testMongoUrl(), database: freshDatabaseName('approval'), appName: 'test' });
  await loadChargedYear(mongo, { perDay: PER_DAY, onProgress: () => undefined, signal });
  approval = await reconcileYear(mongo, { signal });
}, TIMEOUT_MS);
afterAll(async () => {
  await mongo.db.dropDatabase();
  await mongo[Symbol.asyncDispose]();
});

test('of a year whose requests are charged one by one nothing differs from what the loader writes', () => {
  expect(objectionsTo(approval, PER_DAY * DAYS_OF_YEAR)).toEqual([]);
});

test('a year that lacks requests is not approved, although nothing in it differs', () => {
  const there = PER_DAY * DAYS_OF_YEAR;
  expect(objectionsTo(approval, there + 1)).toEqual([
    `${there} requests are charged instead of ${there + 1}`,
    `the costs of ${there} requests were checked instead of ${there + 1}`,
  ]);
});

test('cells of another day, month or year, and a nano-USD too much, are named', { timeout: TIMEOUT_MS }, async () => {
  const rows = mongo.db.collection<Document & { _id: string }>('rollups');
  const wrong: string[] = [];
  for (const unit of ['day', 'month', 'year']) {
    const [row, next] = await rows.find({ cube: 'all', unit }).sort({ _id: 1 }).limit(2).toArray();
    if (row === undefined || next === undefined) expect.fail();
    await rows.updateOne({ _id: row._id }, { $set: { cells: next['cells'] } });
    wrong.push(row._id);
  }
  const row = (await rows.findOne({ cube: 'tenant', unit: 'day' }, { sort: { _id: 1 } })) ?? expect.fail();
  await rows.updateOne({ _id: row._id }, { $inc: { 'total.cost': 1n } });

  const objections = objectionsTo(await reconcileYear(mongo, { signal }), PER_DAY * DAYS_OF_YEAR);
  expect(objections[0]).toMatch(/^rollups: \d+ differences$/);
  for (const id of wrong)
    expect(objections).toContainEqual(expect.stringMatching(new RegExp(`^rollups: rollup ${id}: .*expected .*found`)));
  expect(objections).toContainEqual(
    expect.stringMatching(new RegExp(`^rollups: rollup ${row._id}: cost: expected \\$`)),
  );
});
