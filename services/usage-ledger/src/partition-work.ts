import type { Owned } from '@omg/mongo';
import { AllowanceKeeper, type AllowanceKeeperOptions } from './app/allowances/allowance-keeper.ts';
import type { AllowanceOffices } from './app/allowances/allowance-offices.ts';
import type { Backlog } from './app/backlog.ts';
import { makeChargeMessages, type ChargeMessagesDeps } from './app/charge-messages.ts';
import type { UsageMessage } from './app/ports.ts';
import { partitionOfId } from './domain/partition-id.ts';
import type { Events } from './events.ts';
import type { StreamKeeper } from './messaging/keep-stream.ts';
import type { PartitionReaderOptions } from './messaging/partition-reader.ts';
import type { MongoBooks } from './store/mongo-books.ts';

export interface PartitionWorkOptions
  extends
    Pick<AllowanceKeeperOptions, 'store' | 'defaults' | 'nowMs'>,
    Pick<ChargeMessagesDeps, 'prices' | 'clock' | 'announce'> {
  readonly books: MongoBooks;
  readonly partitionOf: (tenantId: string) => number;
  readonly readPartition: (options: Omit<PartitionReaderOptions, 'nats' | 'stream'>) => Promise<void>;
  /** Of the partition's last message. */
  readonly lastSeq: (partition: number) => Promise<number>;
  readonly streamKeeper: StreamKeeper;
  readonly backlog: Backlog;
  readonly offices: AllowanceOffices;
  readonly events: Events;
  readonly trace: (messages: readonly UsageMessage[]) => void;
}

/** All that the owner of an account partition does until it is no longer: charging, and deciding quotas. */
export async function workOnPartition(owned: Owned, options: PartitionWorkOptions): Promise<void> {
  const { backlog, events, clock, prices, announce } = options;
  const partition = partitionOfId(owned.id);
  const books = options.books.forOwner(owned);
  using owning = new DisposableStack();
  owning.use(options.streamKeeper.own(partition, books.position));
  owning.defer(() => {
    backlog.leave(partition);
    events.left(partition);
  });
  const keeper = await AllowanceKeeper.open({
    partition,
    owned,
    store: options.store,
    defaults: options.defaults,
    now: clock.now,
    nowMs: options.nowMs,
    isOurs: (tenantId) => options.partitionOf(tenantId) === partition,
    isCaughtUp: async () => {
      const { seq = 0 } = books.position() ?? {};
      return seq >= (await options.lastSeq(partition));
    },
    events: { denied: events.denied, workFailed: events.allowancesFailed },
  });
  const onBooked: ChargeMessagesDeps['onBooked'] = (booked) => {
    keeper.booked(booked);
  };
  const charge = makeChargeMessages({ books, prices, clock, announce, onBooked });
  await options.offices.with(keeper, async () => {
    await options.readPartition({
      partition,
      owned,
      position: books.position,
      charge: async (input) => {
        const book = await charge(input);
        return async () => await keeper.charging(book);
      },
      onCharged: (result, messages, behind) => {
        backlog.set(partition, behind.messages);
        events.charged(partition, result, behind);
        options.trace(messages);
      },
      onInterrupted: events.readingInterrupted,
      onStopped: events.readingStopped,
    });
  });
}
