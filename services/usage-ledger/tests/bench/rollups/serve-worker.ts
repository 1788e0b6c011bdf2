import { parentPort, workerData } from 'node:worker_threads';
import { connectMongo, type MongoOptions } from '@omg/mongo';
import { keepGarbageYoung } from '../../../src/keep-garbage-young.ts';
import { startUsage } from './serve-usage.ts';

/** A thread that serves the database that it is given the way to; its answer is the port. */
keepGarbageYoung();
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is given by `serveUsageApart`
const mongo = await connectMongo(workerData as MongoOptions);
const { port } = await startUsage(mongo);
parentPort?.postMessage(port, []);
