import { OmgError } from '@omg/errors';
import type { HolderMessage } from '@omg/quota';
import { exchangeFrames } from '@omg/quota-link';
import type { AllowanceFrame } from './allowance-keeper.ts';
import type { AllowanceOffices } from './allowance-offices.ts';

export interface AllowancesInput {
  /** In the first message, and only there. */
  readonly open: { readonly epoch: string; readonly partition: number } | undefined;
  readonly messages: readonly HolderMessage[];
}

export interface AllowancesOutput {
  readonly term: number;
  readonly frame: AllowanceFrame;
}

export interface HoldAllowancesDeps {
  readonly offices: AllowanceOffices;
  readonly makeId: () => string;
}

/** One router's stream of one partition, from its first message to its end. */
export function makeHoldAllowances({
  offices,
  makeId,
}: HoldAllowancesDeps): (
  inputs: AsyncIterable<AllowancesInput>,
  signal: AbortSignal,
) => AsyncGenerator<AllowancesOutput> {
  return async function* holdAllowances(iterable, signal) {
    const inputs = iterable[Symbol.asyncIterator]();
    const first = await inputs.next();
    const open = first.done === true ? undefined : first.value.open;
    if (open === undefined || open.epoch === '')
      throw new OmgError('invalid_argument', 'the first message of a stream names the epoch and the partition');
    const keeper = offices.get(open.partition);
    const connection = makeId();
    const frames = await keeper.openHold(connection, open.epoch);
    const receive = (input: AllowancesInput): void => {
      if (input.open !== undefined) throw new OmgError('invalid_argument', 'a stream is opened once');
      keeper.receive(connection, input.messages);
    };
    const { term } = keeper;
    try {
      for await (const frame of exchangeFrames(frames, { inputs, receive, signal })) yield { term, frame };
    } finally {
      keeper.closeHold(connection);
    }
  };
}
