import type { GrpcClient } from '@omg/grpc';
import type { keyAdminV1 } from '@omg/proto-gen';
import type { Arguments } from '../args/arguments.ts';
import type { CommandContext, OptionSpec, OptionSpecs } from '../command.ts';
import { CommandFailure, UsageError } from '../failures.ts';
import type { Remote } from '../remote/remote.ts';

/** For commands about one pool. */
export const ONE_PROVIDER = {
  provider: { type: 'string', value: 'NAME', summary: 'whose pool; not needed where there is only one provider' },
} as const satisfies OptionSpecs;

/** For commands that can do all pools, one after the other. */
export const EACH_PROVIDER = {
  provider: { type: 'string', value: 'NAME', summary: 'only the pool of this provider (default: every pool)' },
} as const satisfies Record<'provider', OptionSpec>;

/** For what is common to all pools. */
export const ANY_PROVIDER = {
  provider: {
    type: 'string',
    value: 'NAME',
    summary: "ask the owner of this provider's pool (default: the first); proxies are common to all",
  },
} as const satisfies OptionSpecs;

/** A provider's pool at its owner. */
export interface Pool {
  readonly provider: string;
  readonly admin: Remote<GrpcClient<keyAdminV1.KeyAdminService>>;
}

/** The pool that is named, or the only one; throws a UsageError that names them where there are several. */
export async function openPool(context: CommandContext, args: Arguments<'provider'>): Promise<Pool> {
  const pools = await openPools(context, args);
  const [pool] = pools;
  if (pool !== undefined && pools.length === 1) return pool;
  throw new UsageError(`--provider is needed: ${pools.map(({ provider }) => provider).join(', ')}`);
}

/** The pool that is named, or every one; there is one at least. */
export async function openPools(context: CommandContext, args: Arguments<'provider'>): Promise<readonly Pool[]> {
  const { connection } = context;
  const named = args.string('provider');
  const names = named === undefined ? await providerNames(context) : [named];
  // each with an owner of its own
  return names.map((provider) => ({ provider, admin: connection.keyAdmin() }));
}

/** The pool that is named, or the first. */
export async function openAnyPool(context: CommandContext, args: Arguments<'provider'>): Promise<Pool> {
  const [pool] = await openPools(context, args);
  if (pool === undefined) throw new RangeError('there is one pool at least');
  return pool;
}

async function providerNames({ connection }: CommandContext): Promise<readonly string[]> {
  const { providers } = await connection
    .keyBroker()
    .call(async (client, options) => await client.listProviders({}, options));
  if (providers.length === 0) throw new CommandFailure('key-broker has no provider');
  return providers.map(({ name }) => name);
}
