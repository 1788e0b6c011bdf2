import type { DuplexCall } from '@omg/grpc';
import type { accountsV1 } from '@omg/proto-gen';
import { fromOwnerMessage } from '@omg/quota-link';
import { expect, test, vi } from 'vitest';
import { AllowanceHolder } from './allowance-holder.ts';

type Request = accountsV1.HoldAllowancesRequest;
type Response = accountsV1.HoldAllowancesResponse;

const WELCOME = fromOwnerMessage({ kind: 'welcome', ttlMs: 15_000, holders: 1, upTo: 0, seen: 0 });

test('it is told once when the owner of every partition has been met, however often one comes anew', async () => {
  const owned = new Map([0, 1, 2].map((partition) => [partition, Promise.withResolvers<undefined>()]));
  const opened: number[] = [];
  const cuts: AbortController[] = [];
  function hold(signal: AbortSignal): DuplexCall<Request, Response> {
    const partition = Promise.withResolvers<number>();
    const cut = new AbortController();
    cuts.push(cut);
    async function* responses(): AsyncGenerator<Response, void> {
      await owned.get(await partition.promise)?.promise;
      yield { term: 1n, quota: [WELCOME] };
      const { promise, reject } = Promise.withResolvers<undefined>();
      AbortSignal.any([signal, cut.signal]).addEventListener('abort', () => {
        reject(new Error('the stream is cut'));
      });
      await promise;
    }
    return {
      send: ({ open }) => {
        if (open === undefined) return;
        opened.push(open.partition);
        partition.resolve(open.partition);
      },
      responses: responses(),
    };
  }
  const onReached = vi.fn<() => void>();
  await using _ = new AllowanceHolder({
    partitions: 3,
    partitionOf: () => 0,
    epoch: 'e',
    addresses: ['ledger'],
    connect: () => ({ hold, [Symbol.dispose]: () => undefined }),
    onReached,
    onError: () => undefined,
  });
  owned.get(0)?.resolve(undefined);
  owned.get(2)?.resolve(undefined);
  // the owner of one partition is another one, for the second time
  await vi.waitFor(() => {
    expect(opened).toHaveLength(3);
  });
  cuts[opened.indexOf(0)]?.abort();
  await vi.waitFor(() => {
    expect(opened).toHaveLength(4);
  });
  expect(onReached).not.toHaveBeenCalled();
  owned.get(1)?.resolve(undefined);
  await vi.waitFor(() => {
    expect(onReached).toHaveBeenCalledTimes(1);
  });
  cuts[opened.indexOf(2)]?.abort();
  await vi.waitFor(() => {
    expect(opened).toHaveLength(5);
  });
  expect(onReached).toHaveBeenCalledTimes(1);
});
