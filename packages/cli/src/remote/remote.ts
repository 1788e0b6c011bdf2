import { OmgError } from '@omg/errors';
import type { UnaryOptions } from '@omg/grpc';
import { CommandFailure } from '../failures.ts';
import type { ServiceAddress, ServiceNames } from './connection-settings.ts';
import { describeCallError, textOf } from './describe-call-error.ts';

/** A service that calls can be made to; failed ones throw a CommandFailure. */
export interface Remote<Client> extends ServiceAddress {
  readonly name: string;
  call: <T>(run: (client: Client, options: UnaryOptions) => Promise<T>) => Promise<T>;
}

export interface RemoteParts<Client> {
  readonly names: ServiceNames;
  readonly at: ServiceAddress;
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Told of what the sentence for people leaves out. */
  readonly explain: (text: string) => void;
}

export function createRemote<Client>({ names, at, client, signal, explain }: RemoteParts<Client>): Remote<Client> {
  return {
    ...at,
    name: names.name,
    call: async (run) => {
      try {
        return await run(client, { signal });
      } catch (error) {
        if (!(error instanceof OmgError)) throw error;
        explain(`${names.name}: ${error.code}: ${textOf(error)}`);
        throw new CommandFailure(describeCallError(error, { ...names, address: at.address }), {
          cause: error,
        });
      }
    },
  };
}
