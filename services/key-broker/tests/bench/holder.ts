import { randomUUIDv7 } from 'node:crypto';
import type { GrpcClient } from '@omg/grpc';
import type { keyBrokerV1 } from '@omg/proto-gen';
import type { Admission, HolderMessage } from '@omg/quota';
import { fromHolderMessage, HolderLink, toOwnerMessage } from '@omg/quota-link';

const ENDED = { tokens: 0, nanoUsd: 0 };
/** Of those that are asked for together. */
const TOGETHER = 500;

export type BrokerClient = GrpcClient<keyBrokerV1.KeyBrokerService>;

/** One router's end of a Hold stream, without what routers know of keys. */
export interface Holder extends AsyncDisposable {
  readonly link: HolderLink;
  /** The request that was let in runs for no time; throws where none was let in. */
  readonly run: (admission: Admission) => void;
}

export async function openHolder(client: BrokerClient, provider: string, keep: boolean): Promise<Holder> {
  const epoch = randomUUIDv7();
  const link = new HolderLink({ epoch, failOpen: false, keep });
  const closed = new AbortController();
  const call = client.hold(closed.signal);
  const send = (messages: readonly HolderMessage[], open?: keyBrokerV1.HoldOpen): void => {
    call.send({ open, quota: messages.map(fromHolderMessage), outcomes: [], touchedBuckets: [], wantAffinity: false });
  };
  const connection = link.connect({
    send: (messages) => {
      send(messages);
    },
    close: () => {
      closed.abort();
    },
  });
  const welcome = Promise.withResolvers<void>();
  let failure: unknown;
  const received = async (): Promise<void> => {
    try {
      for await (const { term, quota } of call.responses) {
        connection.received(
          Number(term),
          quota.flatMap((message) => toOwnerMessage(message) ?? []),
        );
        welcome.resolve();
      }
    } catch (error) {
      failure = error;
      welcome.reject(error);
    } finally {
      connection.ended();
    }
  };
  send([], { epoch, provider });
  const ended = received();
  await welcome.promise;
  return {
    link,
    run: (admission) => {
      const { state, denial } = admission;
      if (state !== 'running') {
        const why = denial === undefined ? state : `${denial.reason} ${denial.scope}`;
        throw new Error(`the broker gave no slot: ${why}`, { cause: failure });
      }
      link.settle(admission, ENDED);
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await ended;
      link[Symbol.dispose]();
    },
  };
}

/** Takes a slot of each key: with the first one of a key comes how to use it. */
export async function takeOfEach({ link, run }: Holder, keyIds: readonly string[]): Promise<void> {
  for (let from = 0; from < keyIds.length; from += TOGETHER) {
    const take = async (scope: string): Promise<void> => {
      run(await link.admit([{ scope, need: { slots: 1 } }]));
    };
    await Promise.all(keyIds.slice(from, from + TOGETHER).map(take));
  }
}
