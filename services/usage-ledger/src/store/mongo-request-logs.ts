import { asUnavailable, type Mongo } from '@omg/mongo';
import { Timestamp, type Collection, type Filter, type Sort } from 'mongodb';
import type { LogFilter, LogQuery, RequestLogs, TailQuery, TailedLog } from '../app/ports.ts';
import type { ChargedRequest } from '../domain/usage-record.ts';
import { forgetAfter } from './forget-after.ts';
import { newestFirst } from './newest-first.ts';
import { readWithinTime } from './read-within-time.ts';
import { withoutUndefined } from './without-undefined.ts';
import { fromRequestLogDocument, type RequestLogDocument } from './request-log-document.ts';

/** Reads the collection `request_logs`: only charging writes it, and the server forgets what is older than the retention. */
export class MongoRequestLogs implements RequestLogs {
  readonly #mongo: Mongo;
  readonly #logs: Collection<RequestLogDocument>;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
    this.#logs = mongo.db.collection('request_logs');
  }

  async createIndexes({ retentionMs }: { readonly retentionMs: number }): Promise<void> {
    await this.#logs.createIndexes([
      { key: { tenantId: 1, createdAt: -1 } },
      { key: { userKeyId: 1, createdAt: -1 } },
      { key: { partition: 1, chargeOrder: 1 } },
    ]);
    await forgetAfter(this.#mongo, this.#logs.collectionName, { createdAt: 1 }, retentionMs);
  }

  async find(requestId: string): Promise<ChargedRequest | undefined> {
    const document = await asUnavailable(async () => await this.#logs.findOne({ _id: requestId }));
    return document === null ? undefined : fromRequestLogDocument(document);
  }

  async list({ before, pageSize, ...filter }: LogQuery): Promise<readonly ChargedRequest[]> {
    const read = this.#read.bind(this);
    const documents = await newestFirst({ filter: toFilter(filter), before, pageSize, read });
    return documents.map(fromRequestLogDocument);
  }

  async tail({ partition, after, pageSize, ...filter }: TailQuery): Promise<readonly TailedLog[]> {
    const newer = { partition, chargeOrder: { $gt: new Timestamp(after) } };
    const documents = await this.#read({ $and: [newer, toFilter(filter)] }, { chargeOrder: 1 }, pageSize);
    return documents.map((document) => ({
      request: fromRequestLogDocument(document),
      order: document.chargeOrder.toBigInt(),
    }));
  }

  async end(partition: number): Promise<bigint> {
    const [last] = await this.#read({ partition }, { chargeOrder: -1 }, 1);
    return last?.chargeOrder.toBigInt() ?? 0n;
  }

  async #read(filter: Filter<RequestLogDocument>, sort: Sort, limit: number): Promise<readonly RequestLogDocument[]> {
    return await readWithinTime(async (bounds) => await this.#logs.find(filter, { sort, limit, ...bounds }).toArray());
  }
}

function toFilter(filter: LogFilter): Filter<RequestLogDocument> {
  const { tenantId, clientKeyId, upstreamKeyId, site, provider, model, statusCode, success, usageSource } = filter;
  const { from, to } = filter;
  const wanted = {
    tenantId,
    userKeyId: clientKeyId,
    factoryKeyId: upstreamKeyId,
    site,
    provider,
    model,
    statusCode,
    isSuccess: success,
    usageSource,
    createdAt: from === undefined && to === undefined ? undefined : { $gte: from, $lt: to },
  };
  return withoutUndefined(wanted);
}
