import { OmgError } from '@omg/errors';
import type { HolderMessage } from '@omg/quota';
import { exchangeFrames } from '@omg/quota-link';
import type { HoldFrame, PoolOutcome } from '../domain/pool/pool-types.ts';
import type { ProviderSpec } from '../domain/provider-registry.ts';
import type { Offices } from './pool-offices.ts';

export interface HoldOpen {
  readonly epoch: string;
  readonly provider: string;
}

export type HoldInput =
  | { readonly open: HoldOpen }
  | {
      readonly frame: {
        readonly quota: readonly HolderMessage[];
        readonly outcomes: readonly PoolOutcome[];
        readonly touchedBuckets: readonly number[];
        readonly wantAffinity: boolean;
      };
    };

interface HoldOutput {
  readonly frame: HoldFrame;
  readonly term: number;
  readonly spec: ProviderSpec;
}

export interface HoldDeps {
  readonly offices: Offices;
  readonly makeId: () => string;
  readonly onHolder: (event: { readonly connected: boolean; readonly service: string; readonly epoch: string }) => void;
}

/** One holder's stream, from its first message to its end. */
export function makeHold(
  deps: HoldDeps,
): (
  inputs: AsyncIterable<HoldInput>,
  call: { readonly service: string; readonly signal: AbortSignal },
) => AsyncGenerator<HoldOutput> {
  return async function* hold(inputs, { service, signal }) {
    const iterator = inputs[Symbol.asyncIterator]();
    const { epoch, provider } = await firstOf(iterator);
    const keeper = deps.offices.get(provider);
    const connection = deps.makeId();
    const stream = await keeper.openHold(connection, epoch);
    deps.onHolder({ connected: true, service, epoch });
    const { term } = keeper.pool;
    try {
      const receive = (input: HoldInput): void => {
        if ('open' in input) throw new OmgError('invalid_argument', 'a stream is opened once');
        keeper.receive(connection, input.frame);
      };
      for await (const frame of exchangeFrames(stream, { inputs: iterator, receive, signal }))
        yield { frame, term, spec: keeper.provider };
    } finally {
      keeper.closeHold(connection);
      deps.onHolder({ connected: false, service, epoch });
    }
  };
}

async function firstOf(iterator: AsyncIterator<HoldInput>): Promise<HoldOpen> {
  const first = await iterator.next();
  if (first.done !== true && 'open' in first.value && first.value.open.epoch !== '') return first.value.open;
  throw new OmgError('invalid_argument', 'the first message of a stream names the epoch and the provider');
}
