import { OmgError } from '@omg/errors';
import { asUnavailable, type Mongo } from '@omg/mongo';
import { MongoServerError, Timestamp, type Collection, type Filter, type Sort } from 'mongodb';
import type { LogCursor, LogFilter, LogQuery, RequestLogs, TailQuery, TailedLog } from '../app/ports.ts';
import type { ChargedRequest } from '../domain/usage-record.ts';
import { fromRequestLogDocument, type RequestLogDocument } from './request-log-document.ts';

/** Few filters have an index of their own: who asks for something rare has to narrow the time down. */
const READ_TIMEOUT_MS = 8_000;
const MAX_TIME_EXPIRED = 50;
const INDEX_OPTIONS_CONFLICT = 85;

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
      { key: { createdAt: -1, _id: -1 } },
      { key: { tenantId: 1, createdAt: -1, _id: -1 } },
      { key: { userKeyId: 1, createdAt: -1, _id: -1 } },
      { key: { partition: 1, chargeOrder: 1 } },
    ]);
    await this.#forgetAfter(Math.ceil(retentionMs / 1_000));
  }

  async find(requestId: string): Promise<ChargedRequest | undefined> {
    const document = await asUnavailable(async () => await this.#logs.findOne({ _id: requestId }));
    return document === null ? undefined : fromRequestLogDocument(document);
  }

  async list({ before, pageSize, ...filter }: LogQuery): Promise<readonly ChargedRequest[]> {
    const older = before === undefined ? [] : [olderThan(before)];
    const documents = await this.#read({ $and: [toFilter(filter), ...older] }, { createdAt: -1, _id: -1 }, pageSize);
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
    const options = { sort, limit, maxTimeMS: READ_TIMEOUT_MS, readConcern: { level: 'majority' } } as const;
    try {
      return await asUnavailable(async () => await this.#logs.find(filter, options).toArray());
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== MAX_TIME_EXPIRED) throw error;
      throw new OmgError('deadline_exceeded', 'too many logs would have to be looked through: name a shorter time', {
        cause: error,
      });
    }
  }

  async #forgetAfter(expireAfterSeconds: number): Promise<void> {
    const keyPattern = { createdAt: 1 } as const;
    try {
      await this.#logs.createIndex(keyPattern, { expireAfterSeconds });
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== INDEX_OPTIONS_CONFLICT) throw error;
      const collMod = this.#logs.collectionName;
      await this.#mongo.db.command({ collMod, index: { keyPattern, expireAfterSeconds } });
    }
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

/** An undefined value would be left out by the driver, which is the same, but not for the types. */
function withoutUndefined(filter: object): Filter<RequestLogDocument> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

function olderThan({ createdAt, requestId }: LogCursor): Filter<RequestLogDocument> {
  return { $or: [{ createdAt: { $lt: createdAt } }, { createdAt, _id: { $lt: requestId } }] };
}
