import { randomUUIDv7 } from 'node:crypto';
import type { GrpcClient } from '@omg/grpc';
import { eventsV1, type accountsV1 } from '@omg/proto-gen';
import type { Admission } from '@omg/quota';
import { fromHolderMessage, HolderLink, toOwnerMessage } from '@omg/quota-link';
import { expect, vi } from 'vitest';
import { makeEvent, publish, type Ledger, type World } from './ledger.ts';

export interface Asked {
  readonly tenantId: string;
  readonly clientKeyId: string;
  readonly nanoUsd: number;
  readonly tokens?: number;
  readonly typicalNanoUsd?: number;
}

/** A router as far as allowances go: it admits, and reports what it used. */
export interface AllowanceRouter extends AsyncDisposable {
  readonly epoch: string;
  readonly link: HolderLink;
  admit: (asked: Asked) => Promise<Admission>;
  /** What the request came to is published, as the router's next event in the partition; the event is the answer. */
  settle: (admission: Admission, asked: Asked, tokens: Partial<eventsV1.Tokens>) => eventsV1.UsageEvent;
  /** As kill -9 does: the stream is gone, and nothing is said of what is held. */
  kill: () => void;
}

/** One scope of the account's snapshot, as far as a need of it is made. */
const KINDS: Partial<Record<accountsV1.QuotaKind, 'rate' | 'money'>> = {
  QUOTA_KIND_RATE: 'rate',
  QUOTA_KIND_CREDIT: 'money',
  QUOTA_KIND_BUDGET: 'money',
};

export async function startAllowanceRouter(
  world: World,
  options: {
    /** The one that runs now. */
    readonly ledger: () => Ledger;
    readonly partition: number;
    readonly scopes: readonly accountsV1.QuotaScope[];
    readonly costOf: (tokens: eventsV1.Tokens) => bigint;
  },
): Promise<AllowanceRouter> {
  const { ledger, partition, scopes, costOf } = options;
  const epoch = randomUUIDv7();
  const link = new HolderLink({ epoch });
  const ended = new AbortController();
  const running = keepStream(() => ledger().accounts, { link, epoch, partition, signal: ended.signal });
  await vi.waitFor(() => {
    expect(link.isLive).toBe(true);
  });
  let number = 0n;
  return {
    epoch,
    link,
    admit: async ({ nanoUsd, tokens = 0, typicalNanoUsd }) =>
      await link.admit(
        scopes.map(({ name, kind, hard }) =>
          KINDS[kind] === 'rate'
            ? { scope: name, need: { requests: 1, slots: 1, tokens } }
            : {
                scope: name,
                need: { nanoUsd },
                ...(hard || typicalNanoUsd === undefined ? {} : { typicalNanoUsd }),
              },
        ),
      ),
    settle: (admission, asked, used) => {
      number += 1n;
      const tokens = eventsV1.Tokens.create(used);
      const cost = Number(costOf(tokens));
      link.settle(admission, { tokens: Number(tokens.input + tokens.output), nanoUsd: cost, event: Number(number) });
      const event = makeEvent({
        epoch,
        number,
        partition,
        tenantId: asked.tenantId,
        clientKeyId: asked.clientKeyId,
        tokens,
        allowance: {
          opened: BigInt(admission.opened),
          tokens: BigInt(asked.tokens ?? 0),
          money: scopes.flatMap(({ kind, ofKey, bucket }) => {
            if (KINDS[kind] !== 'money') return [];
            return [{ kind: moneyKind(kind, ofKey), bucket, nanoUsd: BigInt(cost) }];
          }),
        },
      });
      publish(world, [event]);
      return event;
    },
    kill: () => {
      ended.abort();
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
      link[Symbol.dispose]();
    },
  };
}

/** The account as the ledger tells it to routers of the site. */
export async function snapshotOf(ledger: Ledger, digest: Buffer): Promise<accountsV1.AccountSnapshot> {
  const { account } = await ledger.accounts.resolveKey({ digest, site: 'ohmygpt' });
  if (account === undefined) throw new Error('the key does not exist');
  return account;
}

function moneyKind(kind: accountsV1.QuotaKind, ofKey: boolean): eventsV1.MoneyKind {
  if (kind === 'QUOTA_KIND_CREDIT') return eventsV1.MoneyKind.CREDIT;
  return ofKey ? eventsV1.MoneyKind.KEY_BUDGET : eventsV1.MoneyKind.TENANT_BUDGET;
}

async function keepStream(
  client: () => GrpcClient<accountsV1.AccountsService>,
  options: {
    readonly link: HolderLink;
    readonly epoch: string;
    readonly partition: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { signal } = options;
  while (!signal.aborted) {
    // the partition may have no owner yet, or another one
    await holdOnce(client, options).catch(() => undefined);
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function holdOnce(
  client: () => GrpcClient<accountsV1.AccountsService>,
  { link, epoch, partition, signal }: Parameters<typeof keepStream>[1],
): Promise<void> {
  const closed = new AbortController();
  const call = client().holdAllowances(AbortSignal.any([signal, closed.signal]));
  call.send({ open: { epoch, partition }, quota: [] });
  const connection = link.connect({
    send: (messages) => {
      call.send({ open: undefined, quota: messages.map(fromHolderMessage) });
    },
    close: () => {
      closed.abort();
    },
  });
  try {
    for await (const { term, quota } of call.responses) {
      const messages = quota.flatMap((message) => toOwnerMessage(message) ?? []);
      connection.received(Number(term), messages);
    }
  } finally {
    connection.ended();
  }
}
