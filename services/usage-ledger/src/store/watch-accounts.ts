import { followChanges, type Mongo } from '@omg/mongo';

export interface WatchAccountsOptions {
  readonly mongo: Mongo;
  /** Something of the tenant, of a key of it or of its credits was changed, by whichever process. */
  readonly onChanged: (tenantId: string) => void;
  /** Anything may have been. */
  readonly onAllChanged: () => void;
  readonly onError: (error: unknown) => void;
}

/** Every change of an account is written down in one of these, in its own transaction. */
const HISTORIES = ['account_history', 'credit_entries'];

/** Tells of changes of accounts as they are committed. Charging is not told. */
export function watchAccounts({ mongo, onChanged, onAllChanged, onError }: WatchAccountsOptions): AsyncDisposable {
  return followChanges({
    mongo,
    pipeline: [
      { $match: { operationType: 'insert', 'ns.coll': { $in: HISTORIES } } },
      { $project: { operationType: 1, ns: 1, 'fullDocument.tenantId': 1 } },
    ],
    onOpen: onAllChanged,
    onChange: (change) => {
      if (change.operationType !== 'insert') return;
      const tenantId: unknown = change.fullDocument['tenantId'];
      if (typeof tenantId === 'string') onChanged(tenantId);
    },
    onError,
  });
}
