import { asUnavailable, type Mongo } from '@omg/mongo';
import type { Collection, Filter } from 'mongodb';
import type { LogQuery, RequestLogs } from '../app/ports.ts';
import type { ChargedRequest } from '../domain/usage-record.ts';
import { fromRequestLogDocument, type RequestLogDocument } from './request-log-document.ts';

/** Reads the collection `request_logs`; only charging writes it. */
export class MongoRequestLogs implements RequestLogs {
  readonly #logs: Collection<RequestLogDocument>;

  constructor({ db }: Mongo) {
    this.#logs = db.collection('request_logs');
  }

  async createIndexes(): Promise<void> {
    await this.#logs.createIndexes([
      { key: { createdAt: -1, _id: -1 } },
      { key: { tenantId: 1, createdAt: -1, _id: -1 } },
      { key: { userKeyId: 1, createdAt: -1, _id: -1 } },
    ]);
  }

  async find(requestId: string): Promise<ChargedRequest | undefined> {
    const document = await asUnavailable(async () => await this.#logs.findOne({ _id: requestId }));
    return document === null ? undefined : fromRequestLogDocument(document);
  }

  async list(query: LogQuery): Promise<readonly ChargedRequest[]> {
    const page = { sort: { createdAt: -1, _id: -1 }, limit: query.pageSize } as const;
    const documents = await asUnavailable(async () => await this.#logs.find(toFilter(query), page).toArray());
    return documents.map(fromRequestLogDocument);
  }
}

function toFilter({ before, tenantId, clientKeyId, site }: LogQuery): Filter<RequestLogDocument> {
  return {
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(clientKeyId === undefined ? {} : { userKeyId: clientKeyId }),
    ...(site === undefined ? {} : { site }),
    ...(before === undefined
      ? {}
      : {
          $or: [
            { createdAt: { $lt: before.createdAt } },
            { createdAt: before.createdAt, _id: { $lt: before.requestId } },
          ],
        }),
  };
}
