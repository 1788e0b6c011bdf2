import type { accountsV1 } from '@omg/proto-gen';
import type { Admission, ScopeNeed } from '@omg/quota';
import { fromHolderMessage, HolderLink, toOwnerMessage } from '@omg/quota-link';
import type {
  Allowance,
  AllowanceRefusal,
  Allowances,
  AllowanceUse,
  AllowanceWish,
  QuotaStanding,
} from '../app/allowances.ts';
import type { AccountQuota, MoneyReserve } from '../app/ports.ts';
import { OwnerStream, type OpenStream, type OwnerClient, type OwnerReceiver } from './owner-stream.ts';

type Request = accountsV1.HoldAllowancesRequest;
type Response = accountsV1.HoldAllowancesResponse;

export interface AllowanceHolderOptions {
  /** How the accounts are divided. */
  readonly partitions: number;
  readonly partitionOf: (tenantId: string) => number;
  /** UUIDv7 of this process run. */
  readonly epoch: string;
  /** `host:port` of usage-ledger, or of several of its replicas. */
  readonly addresses: readonly string[];
  readonly connect: (address: string) => OwnerClient<Request, Response>;
  /** Every partition's owner has been met, once. */
  readonly onReached: () => void;
  /** What ended the stream of a partition, or stood in the way of one. */
  readonly onError: (partition: number, error: unknown) => void;
}

const RETURN_MS = 1_500;

/** What a request holds, until it is settled. */
class HeldAllowance implements Allowance {
  readonly link: HolderLink;
  readonly admission: Admission;
  readonly opened: number;
  readonly tokens: number;
  readonly money: readonly MoneyReserve[];
  readonly offline: boolean;
  readonly standing: readonly QuotaStanding[];

  constructor(link: HolderLink, admission: Admission, wish: AllowanceWish) {
    this.link = link;
    this.admission = admission;
    this.opened = admission.opened;
    this.offline = admission.offline;
    this.standing = wish.account.quotas.flatMap((quota) => {
      const left = link.left(quota.name);
      return left === undefined ? [] : [{ quota, left }];
    });
    const needs = new Map(admission.parts.map(({ scope, need }) => [scope, need]));
    this.tokens = Math.max(0, ...admission.parts.map(({ need }) => need.tokens));
    this.money = wish.account.quotas.flatMap(({ name, kind, ofKey, bucket }): MoneyReserve[] => {
      if (kind === 'rate') return [];
      const of = kind === 'credit' ? 'credit' : ofKey ? 'key_budget' : 'tenant_budget';
      return [{ of, bucket, nanoUsd: needs.get(name)?.nanoUsd ?? 0 }];
    });
  }
}

/** The quotas of all accounts, as far as this process holds slices of them: one stream for each partition's owner. */
export class AllowanceHolder implements Allowances, AsyncDisposable {
  readonly #partitions: readonly { readonly link: HolderLink; readonly stream: OwnerStream<Request, Response> }[];

  readonly #partitionOf: (tenantId: string) => number;

  constructor(options: AllowanceHolderOptions) {
    const { partitions, partitionOf, epoch, addresses, connect, onReached, onError } = options;
    this.#partitionOf = partitionOf;
    const unmet = new Set(Array.from({ length: partitions }, (_, partition) => partition));
    this.#partitions = Array.from({ length: partitions }, (_, partition) => {
      const link = new HolderLink({ epoch });
      const stream = new OwnerStream<Request, Response>({
        addresses,
        connect,
        opening: { open: { epoch, partition }, quota: [] },
        onOpen: (open) =>
          receiverOf(link, open, () => {
            if (unmet.delete(partition) && unmet.size === 0) onReached();
          }),
        onError: (error) => {
          onError(partition, error);
        },
      });
      return { link, stream };
    });
  }

  /** How many partitions have an owner that answers. */
  get connected(): number {
    return this.#partitions.filter(({ link }) => link.isLive).length;
  }

  async acquire(wish: AllowanceWish): Promise<Allowance | AllowanceRefusal> {
    const { account, signal } = wish;
    const link = this.#linkOf(account.tenantId);
    const decided = link.admit(
      account.quotas.map((quota) => toNeed(quota, wish)),
      { signal },
    );
    const admission = decided instanceof Promise ? await decided : decided;
    if (admission.state === 'running') return new HeldAllowance(link, admission, wish);
    return toRefusal(admission, account.quotas);
  }

  settle(allowance: Allowance, { tokens, costNanoUsd, event }: AllowanceUse): void {
    if (!(allowance instanceof HeldAllowance)) return;
    allowance.link.settle(allowance.admission, { tokens, nanoUsd: costNanoUsd, event });
  }

  /** Gives back what no request runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#partitions.map(async ({ link, stream }) => {
        await link.returnHeld(RETURN_MS);
        await stream[Symbol.asyncDispose]();
        link[Symbol.dispose]();
      }),
    );
  }

  #linkOf(tenantId: string): HolderLink {
    const partition = this.#partitions[this.#partitionOf(tenantId)];
    if (partition === undefined) throw new Error('a tenant is of no partition');
    return partition.link;
  }
}

function toNeed(quota: AccountQuota, wish: AllowanceWish): ScopeNeed {
  const { name: scope, kind, hard, limits } = quota;
  if (kind === 'rate') {
    // whose limit is less than one request's tokens may still send one a minute
    const tokens = Math.min(wish.tokens, limits.tokens ?? Infinity);
    return { scope, need: { requests: 1, slots: 1, tokens } };
  }
  const need = { nanoUsd: wish.worstNanoUsd };
  return hard ? { scope, need } : { scope, need, typicalNanoUsd: wish.typicalNanoUsd };
}

function toRefusal({ denial }: Admission, quotas: readonly AccountQuota[]): AllowanceRefusal {
  if (denial === undefined)
    return { reason: 'gone', quota: undefined, dimension: undefined, retryAfterMs: undefined, affordable: 0 };
  const { reason, scope, dimension, retryAfterMs, affordable } = denial;
  return { reason, quota: quotas.find(({ name }) => name === scope), dimension, retryAfterMs, affordable };
}

function receiverOf(
  link: HolderLink,
  { send, close }: OpenStream<Request>,
  onLive: () => void,
): OwnerReceiver<Response> {
  const connection = link.connect({
    send: (messages) => {
      send({ open: undefined, quota: messages.map(fromHolderMessage) });
    },
    close,
  });
  return {
    received: ({ term, quota }) => {
      const messages = quota.flatMap((message) => toOwnerMessage(message) ?? []);
      connection.received(Number(term), messages);
      if (link.isLive) onLive();
      return link.term <= Number(term);
    },
    ended: () => {
      connection.ended();
    },
  };
}
