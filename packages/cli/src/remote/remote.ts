import { OmgError } from '@omg/errors';
import type { UnaryOptions } from '@omg/grpc';
import { CommandFailure } from '../failures.ts';
import type { ServiceAddress, ServiceNames } from './connection-settings.ts';
import { describeCallError, textOf } from './describe-call-error.ts';

type Run<Client, T> = (client: Client, options: UnaryOptions) => Promise<T>;

/** A service that calls can be made to; failed ones throw a CommandFailure. */
export interface Remote<Client> extends ServiceAddress {
  readonly name: string;
  /** Where a replica says that another one is the owner, the call is made there, as are those that follow. */
  call: <T>(run: Run<Client, T>) => Promise<T>;
  /** At this replica and no other. */
  callAt: <T>(address: string, run: Run<Client, T>) => Promise<T>;
}

export interface RemoteParts<Client> {
  readonly names: ServiceNames;
  readonly at: ServiceAddress;
  /** The same one for the same address. */
  readonly clientAt: (address: string) => Client;
  readonly signal: AbortSignal;
  /** Told of what the sentence for people leaves out. */
  readonly explain: (text: string) => void;
}

export function createRemote<Client>({ names, at, clientAt, signal, explain }: RemoteParts<Client>): Remote<Client> {
  let current = at.address;

  async function attempt<T>(address: string, run: Run<Client, T>): Promise<T> {
    try {
      return await run(clientAt(address), { signal });
    } catch (error) {
      if (!(error instanceof OmgError)) throw error;
      explain(`${names.name}: ${error.code}: ${textOf(error)}`);
      throw new CommandFailure(describeCallError(error, { ...names, address }), { cause: error });
    }
  }

  return {
    ...at,
    name: names.name,
    callAt: attempt,
    call: async (run) => {
      try {
        return await attempt(current, run);
      } catch (error) {
        const owner = ownerNamedBy(error);
        if (owner === undefined) throw error;
        explain(`${names.name}: the owner is at ${owner}`);
        current = owner;
        return await attempt(owner, run);
      }
    },
  };
}

/** The address in a refusal by a replica that does not own what it was asked for. */
function ownerNamedBy(error: unknown): string | undefined {
  const cause = error instanceof CommandFailure ? error.cause : undefined;
  if (!(cause instanceof OmgError) || cause.code !== 'not_owner') return undefined;
  const { address = '' } = cause.details;
  return address === '' ? undefined : address;
}
